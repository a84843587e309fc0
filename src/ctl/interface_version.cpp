// SPDX-License-Identifier: Apache-2.0
// The table of interface versions.
#include <xenpp/ctl/interface_version.hpp>

#include <array>

namespace xenpp::ctl {
namespace {

constexpr std::uint16_t any_until_4_21 = 0;
constexpr std::uint16_t domid_any = 0x7ff5; // DOMID_ANY, new in 4.22

// clang-format off
constexpr std::array interfaces{
    //                major minor domctl sysctl altp2m any
    interface_version{4, 17, 0x15, 0x15, false, any_until_4_21},
    interface_version{4, 18, 0x16, 0x15, false, any_until_4_21},
    interface_version{4, 19, 0x17, 0x15, true,  any_until_4_21},
    interface_version{4, 20, 0x17, 0x15, true,  any_until_4_21},
    interface_version{4, 21, 0x17, 0x16, true,  any_until_4_21},
    interface_version{4, 22, 0x18, 0x16, true,  domid_any},
};
// clang-format on

} // namespace

std::span<interface_version const> supported_interfaces() noexcept {
    return interfaces;
}

interface_version const* find_interface(unsigned major, unsigned minor) noexcept {
    for (auto const& i : interfaces) {
        if (i.major == major && i.minor == minor) {
            return &i;
        }
    }
    return nullptr;
}

} // namespace xenpp::ctl
