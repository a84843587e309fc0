// SPDX-License-Identifier: Apache-2.0
// The futex system call, for words in shared memory.
#include <xenpp/os/futex.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace xenpp::os {

void futex_wait(std::uint32_t const& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept {
    timespec const t{static_cast<time_t>(timeout_ns / 1'000'000'000),
                     static_cast<long>(timeout_ns % 1'000'000'000)};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &t, nullptr, 0);
}

void futex_wake(std::uint32_t const& word) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace xenpp::os
