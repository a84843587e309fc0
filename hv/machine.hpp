// SPDX-License-Identifier: Apache-2.0
// The image's one hypervisor object and the console that everybody writes to.
#pragma once

#include "platform/image_platform.hpp"

#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/link_service.hpp>

#include <string_view>

namespace xenpp::image {

using platform = image_platform;
using hypervisor = hv::hypervisor<platform>;
using domain = hv::domain<platform>;
using vcpu = hv::vcpu<platform>;

/// The machine's hypervisor; constructed by boot_main.
hypervisor& machine() noexcept;

/// Writes to the serial port and to the ring that `xl dmesg` reads.
void console_print(std::string_view text) noexcept;

/// A line put together piece by piece in a fixed buffer, printed when it goes out of scope.
class console_line {
public:
    console_line() noexcept { *this << "(XEN) "; }
    console_line(console_line const&) = delete;
    console_line& operator=(console_line const&) = delete;
    ~console_line() {
        *this << "\n";
        console_print({text_, size_});
    }

    console_line& operator<<(std::string_view s) noexcept {
        for (char const c : s) {
            if (size_ < sizeof text_) {
                text_[size_++] = c;
            }
        }
        return *this;
    }
    console_line& operator<<(std::uint64_t n) noexcept;
    /// In hexadecimal, with 0x.
    console_line& hex(std::uint64_t n) noexcept;

private:
    char text_[240]; // NOLINT(cppcoreguidelines-avoid-c-arrays): no initialisation wanted
    std::size_t size_ = 0;
};

/// Prints why and stops the machine: the hypervisor itself is broken.
[[noreturn]] void panic(std::string_view why) noexcept;

/// Enters the scheduler on this CPU; never comes back.
[[noreturn]] void run_loop() noexcept;

/// The control domain rang, or may have: serves its rings on this CPU. True if more is to be done.
bool serve_link() noexcept;

} // namespace xenpp::image
