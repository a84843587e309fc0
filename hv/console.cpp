// SPDX-License-Identifier: Apache-2.0
// The hypervisor's own messages: serial port and ring, one writer at a time.
#include "machine.hpp"
#include "platform/cpu.hpp"

namespace xenpp::image {

namespace {
spinlock console_lock;
}

void console_print(std::string_view text) noexcept {
    lock_guard const hold(console_lock);
    machine().console.append(text);
    serial_write(text);
}

console_line& console_line::operator<<(std::uint64_t n) noexcept {
    char digits[20]; // NOLINT(cppcoreguidelines-avoid-c-arrays): scratch
    std::size_t at = sizeof digits;
    do {
        digits[--at] = static_cast<char>('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return *this << std::string_view(digits + at, sizeof digits - at);
}

console_line& console_line::hex(std::uint64_t n) noexcept {
    char digits[16]; // NOLINT(cppcoreguidelines-avoid-c-arrays): scratch
    std::size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[n & 15];
        n >>= 4;
    } while (n != 0);
    return *this << "0x" << std::string_view(digits + at, sizeof digits - at);
}

void panic(std::string_view why) noexcept {
    console_line() << "Panic on CPU " << this_percpu().id.raw() << ": " << why;
    halt_forever();
}

} // namespace xenpp::image
