// SPDX-License-Identifier: Apache-2.0
// Which segment descriptors a PV guest may put into its GDT and LDT. Pure.
#pragma once

#include <xenpp/x86/descriptor.hpp>

#include <optional>

namespace xenpp::hv::pv {

/// The descriptor as it is put into a table that the processor uses; nothing: it may not be there.
///
/// What is not present does nothing. Code and data cannot reach further than paging lets them, but
/// only ring 3 may load them. Of system descriptors, type 0 is reserved and always faults; all
/// others (gates, task states, LDTs) would lead into the hypervisor.
constexpr std::optional<x86::segment_descriptor>
usable_descriptor(x86::segment_descriptor d) noexcept {
    constexpr std::uint64_t dpl3 = std::uint64_t{3} << 45;
    if (!d.is_present()) {
        return d;
    }
    if (d.is_code_or_data()) {
        return x86::segment_descriptor{d.raw | dpl3};
    }
    if (d.type() == 0) {
        return d;
    }
    return std::nullopt;
}

} // namespace xenpp::hv::pv
