// SPDX-License-Identifier: Apache-2.0
// Calls about one domain.
#include <xenpp/ctl/domctl.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace xenpp::ctl {
namespace {

using abi::domctl_op;
using transport::hypercall_buffer;

/// A domctl that has no argument but the domain.
result<void> simple(connection& c, std::string_view name, domctl_op cmd, domid d) {
    abi::domctl op{};
    return c.domctl(name, cmd, d, op);
}

/// What 4.19 and later have four bytes further: all behind altp2m_opts, which stays 0.
void make_room_for_altp2m_opts(abi::domctl& op) noexcept {
    constexpr auto at = offsetof(abi::domctl_createdomain, vmtrace_size);
    auto* const rest = op.u.pad + at;
    std::memmove(rest + sizeof(std::uint32_t), rest, sizeof(abi::domctl_createdomain) - at);
    std::memset(rest, 0, sizeof(std::uint32_t));
}

bool is_unfinished(error const& e) noexcept {
    return e.code == EAGAIN || e.code == ERESTART;
}

std::uint32_t bits_of(std::size_t words) noexcept {
    return static_cast<std::uint32_t>(words * 64);
}

} // namespace

result<domid> create_domain(connection& c, abi::domctl_createdomain const& request) {
    abi::domctl op{};
    op.u.createdomain = request;
    if (c.version().has_altp2m_opts) {
        make_room_for_altp2m_opts(op);
    }
    XENPP_TRY(
        c.domctl("domctl_createdomain", domctl_op::createdomain, domid(c.version().any_domid), op));
    return domid(op.domain);
}

result<void> destroy_domain(connection& c, domid d) {
    // A large domain is taken apart in steps, and the hypervisor may ask for each.
    for (;;) {
        auto done = simple(c, "domctl_destroydomain", domctl_op::destroydomain, d);
        if (done || !is_unfinished(done.error())) {
            return done;
        }
    }
}

result<void> pause_domain(connection& c, domid d) {
    return simple(c, "domctl_pausedomain", domctl_op::pausedomain, d);
}

result<void> unpause_domain(connection& c, domid d) {
    return simple(c, "domctl_unpausedomain", domctl_op::unpausedomain, d);
}

result<abi::domctl_getdomaininfo> get_domain_info(connection& c, domid d) {
    constexpr std::string_view name = "domctl_getdomaininfo";
    abi::domctl op{};
    XENPP_TRY(c.domctl(name, domctl_op::getdomaininfo, d, op));
    if (op.u.getdomaininfo.domain != d.raw()) {
        return unexpected(error{name, ESRCH, "there is no such domain", d.raw()});
    }
    return op.u.getdomaininfo;
}

result<void> set_domain_handle(connection& c, domid d, std::span<std::uint8_t const, 16> uuid) {
    abi::domctl op{};
    std::ranges::copy(uuid, op.u.setdomainhandle.handle);
    return c.domctl("domctl_setdomainhandle", domctl_op::setdomainhandle, d, op);
}

result<void> set_max_vcpus(connection& c, domid d, std::uint32_t vcpus) {
    abi::domctl op{};
    op.u.max_vcpus.max = vcpus;
    return c.domctl("domctl_max_vcpus", domctl_op::max_vcpus, d, op);
}

result<void> set_max_memory(connection& c, domid d, std::uint64_t kib) {
    abi::domctl op{};
    op.u.max_mem.max_memkb = kib;
    return c.domctl("domctl_max_mem", domctl_op::max_mem, d, op);
}

result<void> set_paging_mempool_size(connection& c, domid d, std::uint64_t bytes) {
    abi::domctl op{};
    op.u.paging_mempool.size = bytes;
    for (;;) { // the pool grows in steps
        auto done =
            c.domctl("domctl_set_paging_mempool_size", domctl_op::set_paging_mempool_size, d, op);
        if (done || !is_unfinished(done.error())) {
            return done;
        }
    }
}

result<void> set_tsc_mode(connection& c, domid d, std::uint32_t mode) {
    abi::domctl op{};
    op.u.tsc_info.tsc_mode = mode;
    return c.domctl("domctl_settscinfo", domctl_op::settscinfo, d, op);
}

result<void> set_time_offset(connection& c, domid d, std::int64_t seconds) {
    abi::domctl op{};
    op.u.settimeoffset.time_offset_seconds = seconds;
    return c.domctl("domctl_settimeoffset", domctl_op::settimeoffset, d, op);
}

result<scheduling> get_scheduling(connection& c, domid d) {
    abi::domctl op{};
    op.u.scheduler_op.sched_id = abi::scheduler_credit2;
    op.u.scheduler_op.cmd = abi::domctl_schedop_getinfo;
    XENPP_TRY(c.domctl("domctl_scheduler_op", domctl_op::scheduler_op, d, op));
    auto const& s = op.u.scheduler_op.u.credit2;
    return scheduling{s.weight, s.cap};
}

result<void> set_scheduling(connection& c, domid d, scheduling s) {
    abi::domctl op{};
    op.u.scheduler_op.sched_id = abi::scheduler_credit2;
    op.u.scheduler_op.cmd = abi::domctl_schedop_putinfo;
    op.u.scheduler_op.u.credit2 = {s.weight, s.cap};
    return c.domctl("domctl_scheduler_op", domctl_op::scheduler_op, d, op);
}

result<abi::domctl_getvcpuinfo> get_vcpu_info(connection& c, domid d, vcpu_id v) {
    abi::domctl op{};
    op.u.getvcpuinfo.vcpu = v.raw();
    XENPP_TRY(c.domctl("domctl_getvcpuinfo", domctl_op::getvcpuinfo, d, op));
    return op.u.getvcpuinfo;
}

result<void> set_vcpu_affinity(
    connection& c, domid d, vcpu_id v, affinity which, std::span<std::uint64_t const> cpus) {
    auto map = XENPP_TRY(
        hypercall_buffer<std::uint64_t>::create(c.doors(), std::max<std::size_t>(cpus.size(), 1)));
    std::ranges::copy(cpus, map.data());
    abi::domctl op{};
    auto& a = op.u.vcpuaffinity;
    a.vcpu = v.raw();
    a.flags = which == affinity::hard ? abi::vcpuaffinity_hard : abi::vcpuaffinity_soft;
    auto& target = which == affinity::hard ? a.cpumap_hard : a.cpumap_soft;
    target.bitmap.p = map.address();
    target.nr_bits = bits_of(map.size());
    return c.domctl("domctl_setvcpuaffinity", domctl_op::setvcpuaffinity, d, op);
}

result<vcpu_affinity> get_vcpu_affinity(connection& c, domid d, vcpu_id v, std::uint32_t cpus) {
    auto const words = std::max<std::size_t>((cpus + 63) / 64, 1);
    auto maps = XENPP_TRY(hypercall_buffer<std::uint64_t>::create(c.doors(), 2 * words));
    abi::domctl op{};
    auto& a = op.u.vcpuaffinity;
    a.vcpu = v.raw();
    a.flags = abi::vcpuaffinity_hard | abi::vcpuaffinity_soft;
    a.cpumap_hard.bitmap.p = maps.address();
    a.cpumap_hard.nr_bits = bits_of(words);
    a.cpumap_soft.bitmap.p = maps.address() + words * sizeof(std::uint64_t);
    a.cpumap_soft.nr_bits = bits_of(words);
    XENPP_TRY(c.domctl("domctl_getvcpuaffinity", domctl_op::getvcpuaffinity, d, op));
    auto const all = maps.all();
    return vcpu_affinity{{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(words)},
                         {all.begin() + static_cast<std::ptrdiff_t>(words), all.end()}};
}

result<void> set_address_size(connection& c, domid d, std::uint32_t bits) {
    abi::domctl op{};
    op.u.address_size.size = bits;
    return c.domctl("domctl_set_address_size", domctl_op::set_address_size, d, op);
}

result<void> init_hypercall_page(connection& c, domid d, gfn page) {
    abi::domctl op{};
    op.u.hypercall_init.gmfn = page.raw();
    return c.domctl("domctl_hypercall_init", domctl_op::hypercall_init, d, op);
}

result<void>
set_vcpu_context(connection& c, domid d, vcpu_id v, abi::vcpu_guest_context const& registers) {
    auto buffer = XENPP_TRY(hypercall_buffer<abi::vcpu_guest_context>::create(c.doors()));
    *buffer = registers;
    abi::domctl op{};
    op.u.vcpucontext.vcpu = v.raw();
    op.u.vcpucontext.ctxt.p = buffer.address();
    for (;;) { // making its page table one that may be used can take several steps
        auto done = c.domctl("domctl_setvcpucontext", domctl_op::setvcpucontext, d, op);
        if (done || !is_unfinished(done.error())) {
            return done;
        }
    }
}

result<abi::vcpu_guest_context> get_vcpu_context(connection& c, domid d, vcpu_id v) {
    auto buffer = XENPP_TRY(hypercall_buffer<abi::vcpu_guest_context>::create(c.doors()));
    abi::domctl op{};
    op.u.vcpucontext.vcpu = v.raw();
    op.u.vcpucontext.ctxt.p = buffer.address();
    XENPP_TRY(c.domctl("domctl_getvcpucontext", domctl_op::getvcpucontext, d, op));
    return *buffer;
}

result<std::vector<std::byte>> get_hvm_context(connection& c, domid d) {
    constexpr std::string_view name = "domctl_gethvmcontext";
    abi::domctl op{};
    XENPP_TRY(c.domctl(name, domctl_op::gethvmcontext, d, op)); // a null buffer asks for the size
    auto records = XENPP_TRY(hypercall_buffer<std::byte>::create(c.doors(), op.u.hvmcontext.size));
    op.u.hvmcontext.buffer.p = records.address();
    XENPP_TRY(c.domctl(name, domctl_op::gethvmcontext, d, op));
    auto const used = std::min<std::size_t>(op.u.hvmcontext.size, records.size());
    return std::vector(records.data(), records.data() + used);
}

result<void> set_hvm_context(connection& c, domid d, std::span<std::byte const> records) {
    auto buffer = XENPP_TRY(hypercall_buffer<std::byte>::create(c.doors(), records.size()));
    std::ranges::copy(records, buffer.data());
    abi::domctl op{};
    op.u.hvmcontext.size = static_cast<std::uint32_t>(records.size());
    op.u.hvmcontext.buffer.p = buffer.address();
    return c.domctl("domctl_sethvmcontext", domctl_op::sethvmcontext, d, op);
}

} // namespace xenpp::ctl
