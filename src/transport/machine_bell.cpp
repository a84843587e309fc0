// SPDX-License-Identifier: Apache-2.0
// Ringing, waiting and waking.
#include <xenpp/base/atomic.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/futex.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <transport/machine_bell.hpp>
#include <unistd.h>

#include <array>
#include <ctime>

namespace xenpp::transport {

result<void> machine_bell::answer_from(os::unique_fd out) {
    out_ = std::move(out);
    heard_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!heard_) {
        return os::fail_errno("eventfd");
    }
    both_ = XENPP_TRY(os::poller::create());
    XENPP_TRY(both_->add(out_.get(), 0));
    return both_->add(heard_.get(), 1);
}

void machine_bell::ring() noexcept {
    char const byte = 1;
    // A full FIFO rings already.
    static_cast<void>(!::write(in_.get(), &byte, 1));
}

void machine_bell::wait(std::uint32_t const& word,
                        std::uint32_t seen,
                        std::uint64_t timeout_ns) noexcept {
    if (!out_) {
        os::futex_wait(word, seen, timeout_ns);
        return;
    }
    pollfd p{out_.get(), POLLIN, 0};
    timespec const t{static_cast<time_t>(timeout_ns / 1'000'000'000),
                     static_cast<long>(timeout_ns % 1'000'000'000)};
    ::ppoll(&p, 1, &t, nullptr);
    if (hear()) {
        std::uint64_t const once = 1;
        static_cast<void>(!::write(heard_.get(), &once, sizeof once));
    }
}

result<void> machine_bell::check() {
    auto const& header = *reinterpret_cast<link::link_header const*>(window_);
    if (!qemu_.is_running()) {
        auto const last = os::tail_of_file(console_, 400);
        return fail("hypercall", errc::io,
                    last.empty() ? "the machine has ended"
                                 : "the machine has ended; its console says at last:\n" + last);
    }
    if (atomic_load(header.state) == static_cast<std::uint32_t>(link::hv_state::stopped)) {
        return fail("hypercall", errc::io, "the machine is going down");
    }
    return {};
}

bool machine_bell::hear() noexcept {
    std::array<char, 4096> bytes{};
    bool any = false;
    while (::read(out_.get(), bytes.data(), bytes.size()) > 0) {
        any = true;
    }
    if (!any) {
        return false;
    }
    for (unsigned n = 0; n < link::slot_count; ++n) {
        auto const& slot =
            *reinterpret_cast<link::slot_header const*>(window_ + link::slot_offset(n));
        if (atomic_load(slot.waiting) != 0) {
            os::futex_wake(slot.response_produced);
        }
    }
    return true;
}

bool machine_bell::answer() noexcept {
    bool const now = hear();
    std::uint64_t times = 0;
    bool const before = ::read(heard_.get(), &times, sizeof times) > 0;
    return now || before;
}

} // namespace xenpp::transport
