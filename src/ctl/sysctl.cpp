// SPDX-License-Identifier: Apache-2.0
// Calls about the machine.
#include <xenpp/ctl/sysctl.hpp>

#include <algorithm>

namespace xenpp::ctl {
namespace {

using abi::sysctl_op;
using transport::hypercall_buffer;

} // namespace

result<abi::sysctl_physinfo> get_physinfo(connection& c) {
    abi::sysctl op{};
    XENPP_TRY(c.sysctl("sysctl_physinfo", sysctl_op::physinfo, op));
    return op.u.physinfo;
}

result<std::uint32_t> get_scheduler(connection& c) {
    abi::sysctl op{};
    XENPP_TRY(c.sysctl("sysctl_sched_id", sysctl_op::sched_id, op));
    return op.u.sched_id.sched_id;
}

result<std::vector<abi::domctl_getdomaininfo>> get_domain_list(connection& c) {
    constexpr std::uint32_t at_once = 1024;
    auto buffer =
        XENPP_TRY(hypercall_buffer<abi::domctl_getdomaininfo>::create(c.doors(), at_once));
    std::vector<abi::domctl_getdomaininfo> list;
    for (std::uint32_t first = 0; first < domid_first_reserved.raw();) {
        abi::sysctl op{};
        auto& get = op.u.getdomaininfolist;
        get.first_domain = static_cast<std::uint16_t>(first);
        get.max_domains = at_once;
        get.buffer.p = buffer.address();
        XENPP_TRY(c.sysctl("sysctl_getdomaininfolist", sysctl_op::getdomaininfolist, op));
        auto const n = std::min(get.num_domains, at_once);
        list.insert(list.end(), buffer.data(), buffer.data() + n);
        if (n < at_once) {
            break;
        }
        first = list.back().domain + 1U;
    }
    return list;
}

result<std::vector<abi::sysctl_cputopo>> get_cpu_topology(connection& c) {
    auto const cpus = XENPP_TRY(get_physinfo(c)).max_cpu_id + 1;
    auto buffer = XENPP_TRY(hypercall_buffer<abi::sysctl_cputopo>::create(c.doors(), cpus));
    abi::sysctl op{};
    op.u.cputopoinfo.num_cpus = cpus;
    op.u.cputopoinfo.cputopo.p = buffer.address();
    XENPP_TRY(c.sysctl("sysctl_cputopoinfo", sysctl_op::cputopoinfo, op));
    return std::vector(buffer.data(), buffer.data() + std::min(op.u.cputopoinfo.num_cpus, cpus));
}

result<std::vector<std::uint64_t>> get_cpu_idle_times(connection& c) {
    auto const cpus = XENPP_TRY(get_physinfo(c)).max_cpu_id + 1;
    auto buffer = XENPP_TRY(hypercall_buffer<abi::sysctl_cpuinfo>::create(c.doors(), cpus));
    abi::sysctl op{};
    op.u.getcpuinfo.max_cpus = cpus;
    op.u.getcpuinfo.info.p = buffer.address();
    XENPP_TRY(c.sysctl("sysctl_getcpuinfo", sysctl_op::getcpuinfo, op));
    std::vector<std::uint64_t> out;
    for (std::uint32_t i = 0; i < std::min(op.u.getcpuinfo.nr_cpus, cpus); ++i) {
        out.push_back(buffer[i].idletime);
    }
    return out;
}

result<std::string> read_console(connection& c, bool clear) {
    constexpr std::uint32_t at_once = 16U << 10;
    auto buffer = XENPP_TRY(hypercall_buffer<char>::create(c.doors(), at_once));
    std::string text;
    std::uint32_t position = 0;
    for (;;) {
        abi::sysctl op{};
        auto& read = op.u.readconsole;
        // The first piece begins at the oldest character; a clear comes with the last one, which
        // is empty, so that nothing is forgotten unread.
        read.incremental = text.empty() ? 0 : 1;
        read.index = position;
        read.count = at_once;
        read.buffer.p = buffer.address();
        XENPP_TRY(c.sysctl("sysctl_readconsole", sysctl_op::readconsole, op));
        auto const n = std::min(read.count, at_once);
        text.append(buffer.data(), n);
        position = read.index;
        if (n < at_once) {
            break;
        }
    }
    if (clear) {
        abi::sysctl op{};
        op.u.readconsole.clear = 1;
        op.u.readconsole.incremental = 1;
        op.u.readconsole.index = position;
        op.u.readconsole.count = at_once;
        op.u.readconsole.buffer.p = buffer.address();
        XENPP_TRY(c.sysctl("sysctl_readconsole", sysctl_op::readconsole, op));
        text.append(buffer.data(), std::min(op.u.readconsole.count, at_once));
    }
    std::erase(text, '\0');
    return text;
}

result<void> press_debug_keys(connection& c, std::string_view keys) {
    auto buffer =
        XENPP_TRY(hypercall_buffer<char>::create(c.doors(), std::max<std::size_t>(keys.size(), 1)));
    std::ranges::copy(keys, buffer.data());
    abi::sysctl op{};
    op.u.debug_keys.keys.p = buffer.address();
    op.u.debug_keys.nr_keys = static_cast<std::uint32_t>(keys.size());
    return c.sysctl("sysctl_debug_keys", sysctl_op::debug_keys, op);
}

} // namespace xenpp::ctl
