// SPDX-License-Identifier: Apache-2.0
// Calls about one domain: its life, its limits, its vCPUs, its processor state.
#pragma once

#include <xenpp/ctl/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xenpp::ctl {

/// Errors common to all: ESRCH, there is no such domain; EPERM; what the call says.

// --- life ---

/// Makes a domain, paused, without vCPUs and memory. The number is the hypervisor's choice.
result<domid> create_domain(connection& c, abi::domctl_createdomain const& request);
/// Ends a domain, whatever it does; returns when all it had is being freed.
result<void> destroy_domain(connection& c, domid d);
/// Pauses count, up to 255 (EOVERFLOW).
result<void> pause_domain(connection& c, domid d);
/// EINVAL: it is not paused.
result<void> unpause_domain(connection& c, domid d);
/// ESRCH if there is none, also where the hypervisor would answer with the next one.
result<abi::domctl_getdomaininfo> get_domain_info(connection& c, domid d);
result<void> set_domain_handle(connection& c, domid d, std::span<std::uint8_t const, 16> uuid);

// --- limits ---

result<void> set_max_vcpus(connection& c, domid d, std::uint32_t vcpus);
result<void> set_max_memory(connection& c, domid d, std::uint64_t kib);
/// Memory for the domain's second-level page tables, in bytes, a multiple of the page size.
result<void> set_paging_mempool_size(connection& c, domid d, std::uint64_t bytes);
result<void> set_tsc_mode(connection& c, domid d, std::uint32_t mode);
result<void> set_time_offset(connection& c, domid d, std::int64_t seconds);

/// The credit2 scheduler's parameters of a domain.
struct scheduling {
    std::uint16_t weight = 256;
    std::uint16_t cap = 0; ///< percent of one CPU; 0: none
};

result<scheduling> get_scheduling(connection& c, domid d);
result<void> set_scheduling(connection& c, domid d, scheduling s);

// --- vCPUs ---

/// ESRCH also for a vCPU that was not made.
result<abi::domctl_getvcpuinfo> get_vcpu_info(connection& c, domid d, vcpu_id v);

enum class affinity : std::uint8_t {
    hard,
    soft,
};

/// CPUs as bits, CPU 0 lowest.
result<void> set_vcpu_affinity(
    connection& c, domid d, vcpu_id v, affinity which, std::span<std::uint64_t const> cpus);

struct vcpu_affinity {
    std::vector<std::uint64_t> hard, soft;
};

/// `cpus`: how many CPUs the answer has room for.
result<vcpu_affinity> get_vcpu_affinity(connection& c, domid d, vcpu_id v, std::uint32_t cpus);

// --- processor state ---

/// Bits of a PV domain's addresses, 64 or 32; before it has memory. EINVAL; EOPNOTSUPP for 32 where
/// the hypervisor runs no such guests.
result<void> set_address_size(connection& c, domid d, std::uint32_t bits);
/// Fills a page of the domain with its hypercall entries, for a kernel that calls into it.
result<void> init_hypercall_page(connection& c, domid d, gfn page);

/// The registers of a PV domain's vCPU, as they will be or are while it is paused.
result<void>
set_vcpu_context(connection& c, domid d, vcpu_id v, abi::vcpu_guest_context const& registers);
result<abi::vcpu_guest_context> get_vcpu_context(connection& c, domid d, vcpu_id v);

/// The save records of the whole domain, `hvm_save_code_header` first.
result<std::vector<std::byte>> get_hvm_context(connection& c, domid d);
result<void> set_hvm_context(connection& c, domid d, std::span<std::byte const> records);

} // namespace xenpp::ctl
