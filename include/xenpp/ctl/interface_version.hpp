// SPDX-License-Identifier: Apache-2.0
// Which interface versions each release of Xen speaks, and how its structures differ.
#pragma once

#include <cstdint>
#include <span>

namespace xenpp::ctl {

/// How one release of Xen differs from the others, for what is called here. All else is the same
/// from 4.17 to 4.22: tests/unit/abi/interface_layouts_test.cpp has the table, and its sources.
struct interface_version {
    unsigned major;
    unsigned minor;
    std::uint32_t domctl;
    std::uint32_t sysctl;
    /// From 4.19 on `createdomain` has four bytes of altp2m options before `vmtrace_size`.
    bool has_altp2m_opts;
    /// The number that asks createdomain for any free one.
    std::uint16_t any_domid;
};

/// The releases that are supported, oldest first.
std::span<interface_version const> supported_interfaces() noexcept;

/// The row of a release; null for one that is not supported.
interface_version const* find_interface(unsigned major, unsigned minor) noexcept;

} // namespace xenpp::ctl
