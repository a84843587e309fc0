// SPDX-License-Identifier: Apache-2.0
// Tests of sysctl and platform_op: the machine, its console, its domains, its clock.
#include <xenpp/hv/platform_op.hpp>
#include <xenpp/hv/sysctl.hpp>

#include <fakes/hv_host.hpp>

#include <functional>
#include <string>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

struct bench : hv_host {
    using hv_host::hv_host;

    long ctl(abi::sysctl_op cmd, std::function<void(abi::sysctl&)> const& fill = {}) {
        op = abi::sysctl{};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.interface_version = abi::sysctl_interface_version;
        if (fill) {
            fill(op);
        }
        return call_with(do_sysctl<fake_platform>, {}, 0, op);
    }

    long platform_call(abi::platform_op cmd,
                       std::function<void(abi::platform_op_t&)> const& fill = {}) {
        platform_op = abi::platform_op_t{};
        platform_op.cmd = static_cast<std::uint32_t>(cmd);
        platform_op.interface_version = abi::xenpf_interface_version;
        if (fill) {
            fill(platform_op);
        }
        return call_with(do_platform_op<fake_platform>, {}, 0, platform_op);
    }

    std::string text(std::uint64_t address, std::size_t n) {
        return {reinterpret_cast<char const*>(at(address)), n};
    }

    abi::sysctl op{};
    abi::platform_op_t platform_op{};
};

constexpr auto buffer = hv_host::window_base + (1U << 20);

using enum abi::sysctl_op;

} // namespace

TEST_CASE("sysctl: only the control domain, and only with the right version") {
    bench h;
    auto& d = h.make_domain();
    h.populate(d, gfn(0));
    CHECK(h.call(do_sysctl<fake_platform>, *d.vcpus[0], {0}) == to_abi(errc::perm));
    CHECK(h.call(do_platform_op<fake_platform>, *d.vcpus[0], {0}) == to_abi(errc::perm));
    CHECK(h.ctl(physinfo, [](auto& o) { o.interface_version = 0x14; }) == to_abi(errc::acces));
    CHECK(h.platform.console().find("interface version 0x14") != std::string::npos);
    CHECK(h.ctl(perfc_op) == to_abi(errc::nosys));
    CHECK(h.ctl(static_cast<abi::sysctl_op>(99)) == to_abi(errc::nosys));
}

TEST_CASE("readconsole: all, in parts, from a position on, and cleared") {
    bench h;
    h.hv.console.clear();
    auto read = [&](std::uint32_t count, std::uint32_t index, bool incremental,
                    bool clear = false) {
        REQUIRE(h.ctl(readconsole, [&](auto& o) {
            o.u.readconsole.count = count;
            o.u.readconsole.index = index;
            o.u.readconsole.incremental = incremental ? 1 : 0;
            o.u.readconsole.clear = clear ? 1 : 0;
            o.u.readconsole.buffer = {buffer};
        }) == 0);
        return h.text(buffer, h.op.u.readconsole.count);
    };
    CHECK(read(100, 0, false).empty());
    auto const start = h.op.u.readconsole.index;
    h.hv.console.append("one\ntwo\n");
    CHECK(read(100, 0, false) == "one\ntwo\n");
    CHECK(read(4, start, true) == "one\n");
    CHECK(read(100, h.op.u.readconsole.index, true) == "two\n");
    CHECK(read(100, h.op.u.readconsole.index, true).empty());
    CHECK(read(100, 0xf0000000, true) == "one\ntwo\n"); // a position that never was
    CHECK(read(100, 0, false, true) == "one\ntwo\n");
    CHECK(read(100, 0, false).empty());
    h.hv.console.append(std::string(40000, 'x'));
    CHECK(read(100000, 0, false).size() == console_ring::size);
    CHECK(h.ctl(readconsole, [](auto& o) {
        o.u.readconsole.count = 10;
        o.u.readconsole.buffer = {16};
    }) == to_abi(errc::fault));
}

TEST_CASE("physinfo, CPUs, topology, nodes, heap") {
    bench h(65536, 3);
    CHECK(h.ctl(physinfo) == 0);
    auto const info = h.op.u.physinfo;
    CHECK(info.nr_cpus == 3);
    CHECK(info.max_cpu_id == 2);
    CHECK(info.cpu_khz == 2'000'000);
    CHECK(info.total_pages == 65536);
    CHECK(info.free_pages == h.baseline);
    CHECK((info.capabilities & abi::sysctl_physcap_hap) != 0);
    CHECK((info.capabilities & abi::sysctl_physcap_pv) != 0);
    CHECK(info.hw_cap[1] == fakes::fake_cpuid(1, 0).c);

    CHECK(h.ctl(getcpuinfo, [](auto& o) { o.u.getcpuinfo = {8, 0, {buffer}, 0, 0}; }) == 0);
    CHECK(h.op.u.getcpuinfo.nr_cpus == 3);
    CHECK(h.ctl(cputopoinfo, [](auto& o) { o.u.cputopoinfo = {0, 0, {}}; }) == 0);
    CHECK(h.op.u.cputopoinfo.num_cpus == 3);
    CHECK(h.ctl(cputopoinfo, [](auto& o) { o.u.cputopoinfo = {2, 0, {buffer}}; }) == 0);
    CHECK(h.peek<abi::sysctl_cputopo>(buffer + sizeof(abi::sysctl_cputopo)).core == 1);
    CHECK(h.ctl(numainfo) == 0);
    CHECK(h.op.u.numainfo.num_nodes == 1);
    CHECK(h.ctl(numainfo, [](auto& o) { o.u.numainfo = {4, 0, {buffer}, {buffer + 512}}; }) == 0);
    CHECK(h.peek<abi::sysctl_meminfo>(buffer).memsize == 65536U * page_size);
    CHECK(h.peek<std::uint32_t>(buffer + 512) == 10);
    CHECK(h.ctl(availheap) == 0);
    CHECK(h.op.u.availheap.avail_bytes == h.baseline * page_size);
    CHECK(h.ctl(pcitopoinfo) == to_abi(errc::inval));
    CHECK(h.ctl(pcitopoinfo, [](auto& o) { o.u.pcitopoinfo = {1, 0, {buffer}, {buffer}}; }) == 0);
    CHECK(h.peek<std::uint32_t>(buffer) == abi::invalid_dev);
}

TEST_CASE("getdomaininfolist lists every domain, from any number on, in turns") {
    bench h;
    constexpr std::uint16_t count = 150;
    for (int i = 0; i != count; ++i) {
        h.make_domain(1, 1);
    }
    auto list = [&](std::uint16_t first, std::uint32_t most) {
        REQUIRE(h.ctl(getdomaininfolist, [&](auto& o) {
            o.u.getdomaininfolist = {first, 0, most, {buffer}, 0, 0};
        }) == 0);
        return h.op.u.getdomaininfolist.num_domains;
    };
    CHECK(list(0, 1000) == count + 1);
    CHECK(h.turns == 3);
    for (std::uint32_t i = 0; i <= count; ++i) {
        auto const at = buffer + i * sizeof(abi::domctl_getdomaininfo);
        REQUIRE(h.peek<abi::domctl_getdomaininfo>(at).domain == i);
    }
    CHECK(list(140, 1000) == 11);
    CHECK(list(0, 3) == 3);
    CHECK(list(0, 0) == 0);
    CHECK(list(count + 1, 5) == 0);
    CHECK(list(0xffff, 5) == 0);
    // Whatever a caller left in the other registers is not taken for progress.
    CHECK(h.call_with(do_sysctl<fake_platform>, {0, 12345}, 0, h.op) == 0);
}

TEST_CASE("feature sets and policies of the machine") {
    bench h;
    auto features = [&](std::uint32_t index, std::uint32_t n, std::uint64_t to) {
        return h.ctl(get_cpu_featureset, [=](auto& o) { o.u.cpu_featureset = {index, n, {to}}; });
    };
    CHECK(features(abi::sysctl_cpu_featureset_host, 0, 0) == 0);
    auto const words = h.op.u.cpu_featureset.nr_features;
    CHECK(words >= 10);
    CHECK(features(abi::sysctl_cpu_featureset_host, words - 1, buffer) == to_abi(errc::nobufs));
    CHECK(features(abi::sysctl_cpu_featureset_host, words, buffer) == 0);
    CHECK(h.peek<std::uint32_t>(buffer + 4) == fakes::fake_cpuid(1, 0).c);
    CHECK(features(abi::sysctl_cpu_featureset_hvm, words, buffer) == 0);
    CHECK((h.peek<std::uint32_t>(buffer + 4) & 1U << 5) == 0); // no VMX
    CHECK(features(9, words, buffer) == to_abi(errc::inval));
    for (auto const index : {abi::sysctl_cpu_policy_host, abi::sysctl_cpu_policy_hvm_default,
                             abi::sysctl_cpu_policy_pv_max, abi::sysctl_cpu_policy_pv_default}) {
        CHECK(h.ctl(get_cpu_policy, [=](auto& o) {
            o.u.cpu_policy.index = index;
            o.u.cpu_policy.nr_leaves = 80;
            o.u.cpu_policy.leaves = {buffer};
        }) == 0);
        CHECK(h.op.u.cpu_policy.nr_leaves > 10);
    }
    CHECK(h.ctl(get_cpu_policy, [](auto& o) { o.u.cpu_policy.index = 99; }) ==
          to_abi(errc::opnotsupp));
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("debug keys print to the console") {
    bench h;
    h.make_domain();
    std::memcpy(h.at(buffer), "qmz", 3);
    CHECK(h.ctl(debug_keys, [](auto& o) { o.u.debug_keys = {{buffer}, 3, 0}; }) == 0);
    auto const console = h.platform.console();
    CHECK(console.find("d0: ") != std::string::npos);
    CHECK(console.find("d1: ") != std::string::npos);
    CHECK(console.find("  d1v0: CPU 0, pause 0x") != std::string::npos);
    CHECK(console.find("memory: 65536 frames") != std::string::npos);
    CHECK(console.find("debug key z: unknown") != std::string::npos);
    CHECK(h.ctl(debug_keys, [](auto& o) {
        o.u.debug_keys = {{buffer}, 33, 0};
    }) == to_abi(errc::toobig));
}

TEST_CASE("platform_op: clock and CPUs") {
    bench h;
    auto& d = h.make_domain();
    auto settime = [&](std::uint64_t secs, std::uint32_t nsecs, std::uint64_t at) {
        return h.platform_call(abi::platform_op::settime64, [=](auto& o) {
            o.u.settime64 = {secs, nsecs, 0, at};
        });
    };
    CHECK(settime(1'700'000'000, 500, 1'000'000'000) == 0);
    CHECK(d.shared_info->wc_sec == 1'699'999'999);
    CHECK(d.shared_info->wc_nsec == 500);
    CHECK(settime(1, 1'000'000'000, 0) == to_abi(errc::inval));
    CHECK(settime(~0ULL, 0, 0) == to_abi(errc::inval));
    CHECK(settime(0, 0, 1) == to_abi(errc::inval));
    CHECK(d.shared_info->wc_sec == 1'699'999'999);
    auto cpu = [&](std::uint32_t n) {
        return h.platform_call(abi::platform_op::get_cpuinfo,
                               [=](auto& o) { o.u.pcpu_info.xen_cpuid = n; });
    };
    CHECK(cpu(1) == 0);
    CHECK(h.platform_op.u.pcpu_info.max_present == 1);
    CHECK(h.platform_op.u.pcpu_info.flags == abi::pcpu_flags_online);
    CHECK(cpu(2) == 0);
    CHECK(h.platform_op.u.pcpu_info.flags == abi::pcpu_flags_invalid);
    h.put(std::uint8_t{0xff}, buffer);
    CHECK(h.platform_call(abi::platform_op::getidletime, [](auto& o) {
        o.u.getidletime.cpumap_bitmap = {buffer};
        o.u.getidletime.cpumap_nr_cpus = 8;
        o.u.getidletime.idletime = {buffer + 64};
    }) == 0);
    CHECK(h.peek<std::uint8_t>(buffer) == 3);
    CHECK(h.platform_op.u.getidletime.now == h.platform.now_ns());
    CHECK(h.platform_call(abi::platform_op::microcode_update) == to_abi(errc::nosys));
    CHECK(h.platform_call(abi::platform_op::settime64, [](auto& o) { o.interface_version = 1; }) ==
          to_abi(errc::acces));
}
