// SPDX-License-Identifier: Apache-2.0
// Calls about the page tables of PV domains.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/ctl/connection.hpp>

#include <cstdint>
#include <span>

namespace xenpp::ctl {

/// Carries out page-table updates for a domain, in order, up to the first that is refused; its
/// reason is the error's. How an entry of `updates` is understood: abi::mmu_update.
result<void> update_mmu(connection& c, domid d, std::span<abi::mmu_update const> updates);

/// Carries out extended MMU commands for a domain, likewise.
result<void> run_mmuext(connection& c, domid d, std::span<abi::mmuext_op const> commands);

/// Makes a page of the domain a root page table for good. EINVAL: it, or one of those it refers
/// to, is none that may be used; or it is still mapped writable here.
result<void> pin_root_table(connection& c, domid d, mfn root);

} // namespace xenpp::ctl
