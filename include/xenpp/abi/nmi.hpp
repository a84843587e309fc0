// SPDX-License-Identifier: Apache-2.0
// NMIs of PV guests; public header nmi.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Bits of `arch_shared_info::nmi_reason`.
inline constexpr std::uint32_t nmireason_io_error_bit = 0;
inline constexpr std::uint32_t nmireason_io_error = 1u << nmireason_io_error_bit;
inline constexpr std::uint32_t nmireason_pci_serr_bit = 1;
inline constexpr std::uint32_t nmireason_pci_serr = 1u << nmireason_pci_serr_bit;
inline constexpr std::uint32_t nmireason_unknown_bit = 2;
inline constexpr std::uint32_t nmireason_unknown = 1u << nmireason_unknown_bit;

/// Sub-operations of `hypercall::nmi_op`.
// clang-format off
enum class nmi_op : std::uint32_t {
    register_callback   = 0,
    unregister_callback = 1,
};

// clang-format on

/// Where the first vCPU is entered for an NMI.
struct xennmi_callback {
    std::uint64_t handler_address;
    std::uint64_t pad;
};

static_assert(sizeof(xennmi_callback) == 16);

} // namespace xenpp::abi
