// SPDX-License-Identifier: Apache-2.0
// Tests of domctl: a domain's whole life as a toolstack drives it, and what is refused.
#include <xenpp/hv/domctl.hpp>
#include <xenpp/hv/hvm_op.hpp>
#include <xenpp/hv/memory_op.hpp>

#include <fakes/hv_host.hpp>

#include <functional>
#include <string>
#include <vector>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

constexpr auto domctl = do_domctl<fake_platform>;

struct bench : hv_host {
    using hv_host::hv_host;
    using op_filler = std::function<void(abi::domctl&)>;

    /// One domctl; `op` keeps the structure as it came back.
    long ctl(abi::domctl_op cmd, domid id, op_filler const& fill = {}) {
        op = abi::domctl{};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.interface_version = abi::domctl_interface_version;
        op.domain = id.raw();
        if (fill) {
            fill(op);
        }
        return call_with(domctl, {}, 0, op);
    }

    domid create(unsigned vcpus = 2, std::uint16_t wanted = 0) {
        REQUIRE(ctl(abi::domctl_op::createdomain, domid(wanted),
                    [&](abi::domctl& o) { o.u.createdomain = create_args(vcpus); }) == 0);
        return domid(op.domain);
    }

    domain& at(domid id) { return *hv.domains[id.raw()]; }

    using hv_host::at;

    /// What `getdomaininfo` says.
    abi::domctl_getdomaininfo info(domid id) {
        REQUIRE(ctl(abi::domctl_op::getdomaininfo, id) == 0);
        return op.u.getdomaininfo;
    }

    abi::domctl op{};
};

using enum abi::domctl_op;

} // namespace

TEST_CASE("domctl: the life of a PVH domain, as a toolstack drives it") {
    bench h;
    auto const id = h.create(2);
    CHECK(id == domid(1));
    CHECK(h.ctl(set_paging_mempool_size, id, [](auto& o) { o.u.paging_mempool.size = 3 << 20; }) ==
          0);
    CHECK(h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 2; }) == 0);
    CHECK(h.ctl(max_mem, id, [](auto& o) { o.u.max_mem.max_memkb = 0x40400; }) == 0);
    CHECK(h.ctl(settscinfo, id, [](auto& o) { o.u.tsc_info.tsc_mode = 2; }) == 0);
    CHECK(h.at(id).max_pages == 0x10100);
    auto const before = h.info(id);
    CHECK(before.flags ==
          (abi::dominf_hvm_guest | abi::dominf_hap | abi::dominf_paused | abi::dominf_blocked));
    CHECK(before.max_pages == 0x10100);
    CHECK(before.max_vcpu_id == 1);
    CHECK(before.nr_online_vcpus == 0);
    CHECK(before.handle[0] == 0x42);
    CHECK(before.gpaddr_bits == 48);

    // The boot CPU gets its registers.
    struct [[gnu::packed]] stream {
        abi::hvm_save_descriptor header_d{abi::hvm_save_code_header, 0, 24};
        abi::hvm_save_header header{abi::hvm_file_magic, abi::hvm_file_version, 0, 0, 0};
        abi::hvm_save_descriptor cpu_d{abi::hvm_save_code_cpu, 0, sizeof(abi::hvm_hw_cpu)};
        abi::hvm_hw_cpu cpu{};
        abi::hvm_save_descriptor end{abi::hvm_save_code_end, 0, 0};
    } s;

    s.cpu.rip = 0x1000850;
    auto const where = h.put(s, hv_host::window_base + (1U << 20));
    auto context = [&](auto& o) { o.u.hvmcontext = {sizeof s, 0, {where}}; };
    CHECK(h.ctl(sethvmcontext, id, context) == 0);
    CHECK(h.platform.save_state(*h.at(id).vcpus[0]).rip == 0x1000850);
    CHECK(h.info(id).nr_online_vcpus == 1);

    CHECK(h.ctl(unpausedomain, id) == 0);
    CHECK(h.at(id).vcpus[0]->queued);
    CHECK_FALSE(h.at(id).vcpus[1]->queued); // has no context
    CHECK(h.ctl(unpausedomain, id) == to_abi(errc::inval));
    CHECK(h.ctl(sethvmcontext, id, context) == to_abi(errc::busy));
    CHECK(h.ctl(pausedomain, id) == 0);
    CHECK_FALSE(h.at(id).vcpus[0]->queued);
    CHECK(h.ctl(unpausedomain, id) == 0);

    domain_shutdown(h.at(id), abi::shutdown_reboot);
    auto const after = h.info(id);
    CHECK((after.flags & abi::dominf_shutdown) != 0);
    CHECK((after.flags >> abi::dominf_shutdownshift & abi::dominf_shutdownmask) ==
          abi::shutdown_reboot);
    CHECK_FALSE(h.at(id).vcpus[0]->queued);

    CHECK(h.ctl(destroydomain, id) == 0);
    CHECK(h.ctl(destroydomain, id) == to_abi(errc::srch));
    CHECK(h.ctl(getdomaininfo, id) == to_abi(errc::srch));
    CHECK(h.settle() == h.baseline);
    CHECK(h.platform.vcpu_count() == 0);
}

TEST_CASE("domctl: only the control domain, and only with the right version") {
    bench h;
    auto& d = h.make_domain();
    h.populate(d, gfn(0));
    CHECK(h.call(domctl, *d.vcpus[0], {0}) == to_abi(errc::perm));
    CHECK(h.ctl(getdomaininfo, dom0, [](auto& o) { o.interface_version = 0x16; }) ==
          to_abi(errc::acces));
    CHECK(h.platform.console().find("interface version 0x16") != std::string::npos);
    CHECK(h.call(domctl, h.control(), {0}) == to_abi(errc::fault));
    CHECK(h.ctl(static_cast<abi::domctl_op>(999), d.id) == to_abi(errc::nosys));
    CHECK(h.ctl(assign_device, d.id) == to_abi(errc::nosys));
    CHECK(h.ctl(pausedomain, domid(99)) == to_abi(errc::srch));
    CHECK(h.ctl(pausedomain, domid(0xffff)) == to_abi(errc::srch));
}

TEST_CASE("createdomain chooses numbers in turn and refuses what cannot be") {
    bench h;
    CHECK(h.create() == domid(1));
    CHECK(h.create() == domid(2));
    h.kill(h.at(domid(1)));
    CHECK(h.create() == domid(3)); // a number is not used again at once
    CHECK(h.create(1, 700) == domid(700));
    CHECK(h.ctl(createdomain, domid(700),
                [](auto& o) { o.u.createdomain = hv_host::create_args(); }) == to_abi(errc::exist));
    CHECK(h.create(1, 0x7ff4) == domid(4)); // a reserved number: any

    auto refused = [&](auto change, std::string_view why) {
        auto const r = h.ctl(createdomain, dom0, [&](auto& o) {
            o.u.createdomain = hv_host::create_args();
            change(o.u.createdomain);
        });
        CHECK(r == to_abi(errc::inval));
        CHECK(h.platform.console().find(why) != std::string::npos);
    };
    using create = abi::domctl_createdomain;
    refused([](create& c) { c.flags = abi::domctl_cdf_hap; }, "hardware-assisted paging is for");
    refused([](create& c) { c.flags = 0; }, "nothing for PV");
    h.hv.has_hvm = false;
    refused([](create&) {}, "HVM requested but not available");
    h.hv.has_hvm = true;
    refused([](create& c) { c.flags = abi::domctl_cdf_hvm; }, "shadow paging");
    refused([](create& c) { c.flags |= abi::domctl_cdf_iommu; }, "IOMMU requested");
    refused([](create& c) { c.flags |= abi::domctl_cdf_nested_virt; }, "nested");
    refused([](create& c) { c.flags |= abi::domctl_cdf_vpmu; }, "performance counters");
    refused([](create& c) { c.flags |= 1U << 20; }, "unknown creation flags");
    refused([](create& c) { c.max_vcpus = 0; }, "number of vCPUs");
    refused([](create& c) { c.max_vcpus = 129; }, "number of vCPUs");
    refused([](create& c) { c.cpupool_id = 1; }, "cpupool");
    refused([](create& c) { c.arch.emulation_flags = abi::x86_emu_all; }, "local APIC");
    refused([](create& c) { c.grant_opts = 0; }, "grant table version");
    for (auto const n : {2U, 3U, 4U, 700U}) {
        h.kill(h.at(domid(static_cast<std::uint16_t>(n))));
    }
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("createdomain and max_vcpus: the n-th allocation may fail, and nothing leaks") {
    for (std::uint64_t n = 0;; ++n) {
        bench h;
        h.platform.allocations_left = n;
        auto const made =
            h.ctl(createdomain, dom0, [](auto& o) { o.u.createdomain = hv_host::create_args(3); });
        auto const id = domid(h.op.domain);
        auto vcpus = to_abi(errc::nomem);
        if (made == 0) {
            vcpus = h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 3; });
        }
        h.platform.allocations_left = ~0ULL;
        if (made == 0) {
            REQUIRE((vcpus == 0 || vcpus == to_abi(errc::nomem)));
            REQUIRE(h.ctl(destroydomain, id) == 0);
        } else {
            REQUIRE(made == to_abi(errc::nomem));
        }
        REQUIRE(h.settle() == h.baseline);
        REQUIRE(h.platform.vcpu_count() == 0);
        if (vcpus == 0) {
            CHECK(n > 5);
            break;
        }
    }
}

TEST_CASE("max_vcpus makes many in several turns, and only as many as announced") {
    bench h;
    auto const id = h.create(128);
    CHECK(h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 64; }) == to_abi(errc::inval));
    CHECK(h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 128; }) == 0);
    CHECK(h.turns == 16);
    CHECK(h.at(id).vcpus[127]->lapic.id() == 254);
    CHECK(h.at(id).vcpus[31]->info == &h.at(id).shared_info->vcpu_info[31]);
    CHECK(h.at(id).vcpus[32]->info == nullptr); // must register its own
    CHECK(h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 128; }) == 0);
    CHECK(h.ctl(destroydomain, id) == 0);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("destroydomain waits for vCPUs on CPUs and works in steps") {
    bench h((2ULL << 18) + 65536);
    auto& d = h.make_domain(1, 1ULL << 20);
    h.populate(d, gfn(0), 18);
    auto& v = *d.vcpus[0];
    atomic_store(v.running, true);
    auto const at = [&] {
        abi::domctl op{};
        op.cmd = static_cast<std::uint32_t>(destroydomain);
        op.interface_version = abi::domctl_interface_version;
        op.domain = d.id.raw();
        return h.put(op);
    }();
    hypercall_args args{{at}};
    CHECK(do_domctl(h.control(), args).error() == errc::restart);
    CHECK(d.is_dying());
    CHECK(d.total_pages == 1ULL << 18); // nothing is touched while it runs
    CHECK((v.pause & pause_domain) != 0);
    CHECK(allocate_domain_pages(d, 0).error() == errc::inval);
    atomic_store(v.running, false);
    CHECK(h.call(domctl, h.control(), {at}) == 0);
    CHECK(h.turns >= 16);
    CHECK(h.settle() == h.baseline);
    CHECK(h.ctl(destroydomain, dom0) == to_abi(errc::inval));
}

TEST_CASE("pauses are counted, up to 255") {
    bench h;
    auto const id = h.create(1);
    for (int i = 0; i != 254; ++i) {
        REQUIRE(h.ctl(pausedomain, id) == 0);
    }
    CHECK(h.ctl(pausedomain, id) == to_abi(errc::overflow));
    CHECK(h.ctl(pausedomain, dom0) == to_abi(errc::inval)); // not itself
    h.kill(h.at(id));
}

TEST_CASE("affinity: hard and soft, within the CPUs that run") {
    bench h(65536, 4);
    auto& d = h.make_domain(2);
    auto const hard = hv_host::scratch;
    auto const soft = hard + 64;
    auto op = [&](abi::domctl_op cmd, std::uint32_t vcpu, std::uint32_t flags) {
        return h.ctl(cmd, d.id, [&](auto& o) {
            o.u.vcpuaffinity = {vcpu, flags, {{hard}, 16, 0}, {{soft}, 8, 0}};
        });
    };
    CHECK(op(getvcpuaffinity, 0, abi::vcpuaffinity_hard | abi::vcpuaffinity_soft) == 0);
    CHECK(h.peek<std::uint16_t>(hard) == 0x0f);
    CHECK(h.peek<std::uint8_t>(soft) == 0x0f);
    h.put(std::uint16_t{0xff06}, hard);
    h.put(std::uint8_t{0x0c}, soft);
    CHECK(op(setvcpuaffinity, 1, abi::vcpuaffinity_hard | abi::vcpuaffinity_soft) == 0);
    CHECK(d.vcpus[1]->hard_affinity == 0x06);
    CHECK(h.peek<std::uint16_t>(hard) == 0x06);
    CHECK(h.peek<std::uint8_t>(soft) == 0x04); // what is in force
    h.put(std::uint16_t{0xf0}, hard);
    CHECK(op(setvcpuaffinity, 1, abi::vcpuaffinity_hard) == to_abi(errc::inval)); // no CPU is left
    CHECK(op(setvcpuaffinity, 1, 0) == to_abi(errc::inval));
    CHECK(op(setvcpuaffinity, 2, 1) == to_abi(errc::inval));
    CHECK(h.ctl(setvcpuaffinity, d.id, [&](auto& o) {
        o.u.vcpuaffinity = {0, 1, {{hard}, ~0U, 0}, {}};
    }) == to_abi(errc::inval));
    CHECK(d.vcpus[1]->hard_affinity == 0x06);
    h.kill(d);
}

TEST_CASE("scheduler_op: weight and cap of credit2") {
    bench h;
    auto& d = h.make_domain();
    auto op = [&](std::uint32_t cmd, std::uint16_t weight, std::uint16_t cap,
                  std::uint32_t scheduler = abi::scheduler_credit2) {
        return h.ctl(scheduler_op, d.id, [&](auto& o) {
            o.u.scheduler_op.sched_id = scheduler;
            o.u.scheduler_op.cmd = cmd;
            o.u.scheduler_op.u.credit2 = {weight, cap};
        });
    };
    CHECK(op(abi::domctl_schedop_putinfo, 512, 50) == 0);
    CHECK(op(abi::domctl_schedop_getinfo, 0, 0) == 0);
    CHECK(h.op.u.scheduler_op.u.credit2.weight == 512);
    CHECK(h.op.u.scheduler_op.u.credit2.cap == 50);
    CHECK(op(abi::domctl_schedop_putinfo, 0, 0xffff) == 0); // neither is given
    CHECK(d.weight == 512);
    CHECK(d.cap == 50);
    CHECK(op(abi::domctl_schedop_getvcpuinfo, 0, 0) == to_abi(errc::inval));
    CHECK(op(abi::domctl_schedop_getinfo, 0, 0, abi::scheduler_credit) == to_abi(errc::inval));
    h.kill(d);
}

TEST_CASE("paging pool, frame types, hypercall page, nodes, address size") {
    bench h;
    auto& d = h.make_domain();
    h.populate(d, gfn(1));
    CHECK(h.ctl(get_paging_mempool_size, d.id) == 0);
    CHECK(h.op.u.paging_mempool.size == 1 << 20);
    CHECK(h.ctl(set_paging_mempool_size, d.id, [](auto& o) { o.u.paging_mempool.size = 4095; }) ==
          to_abi(errc::inval));
    CHECK(h.ctl(set_paging_mempool_size, d.id, [](auto& o) { o.u.paging_mempool.size = 4096; }) ==
          to_abi(errc::nomem)); // less than is in use
    auto shadow = [&](std::uint32_t cmd, std::uint32_t mb) {
        return h.ctl(shadow_op, d.id, [&](auto& o) {
            o.u.shadow_op.op = cmd;
            o.u.shadow_op.mb = mb;
        });
    };
    CHECK(shadow(abi::domctl_shadow_op_set_allocation, 5) == 0);
    CHECK(shadow(abi::domctl_shadow_op_get_allocation, 0) == 0);
    CHECK(h.op.u.shadow_op.mb == 5);
    CHECK(shadow(abi::domctl_shadow_op_enable_logdirty, 0) == to_abi(errc::opnotsupp));

    h.put(std::uint64_t{1}, hv_host::scratch);
    h.put(std::uint64_t{2}, hv_host::scratch + 8);
    CHECK(h.ctl(getpageframeinfo3, d.id, [](auto& o) {
        o.u.getpageframeinfo3 = {2, {hv_host::scratch}};
    }) == 0);
    CHECK(h.peek<std::uint64_t>(hv_host::scratch) == abi::domctl_pfinfo_notab);
    CHECK(h.peek<std::uint64_t>(hv_host::scratch + 8) == abi::domctl_pfinfo_xtab);
    CHECK(h.ctl(getpageframeinfo3, d.id, [](auto& o) { o.u.getpageframeinfo3.num = 1025; }) ==
          to_abi(errc::toobig));

    CHECK(h.ctl(hypercall_init, d.id, [](auto& o) { o.u.hypercall_init.gmfn = 1; }) == 0);
    auto const page = get_page(d, gfn(1)).value();
    CHECK(page.map()[32 * 17] == std::byte{0xb8});
    CHECK(page.map()[32 * 17 + 1] == std::byte{17});
    CHECK(page.map()[32 * 17 + 7] == std::byte{0xd9}); // the fake host is AMD's
    CHECK(h.ctl(hypercall_init, d.id, [](auto& o) { o.u.hypercall_init.gmfn = 9; }) ==
          to_abi(errc::acces));
    h.put(std::uint8_t{3});
    auto nodes = [](auto& o) { o.u.nodeaffinity.nodemap = {{hv_host::scratch}, 8, 0}; };
    CHECK(h.ctl(setnodeaffinity, d.id, nodes) == 0);
    CHECK(h.ctl(getnodeaffinity, d.id, nodes) == 0);
    CHECK(h.peek<std::uint8_t>() == 1);
    h.put(std::uint8_t{2});
    CHECK(h.ctl(setnodeaffinity, d.id, nodes) == to_abi(errc::inval));
    CHECK(h.ctl(get_address_size, d.id) == 0);
    CHECK(h.op.u.address_size.size == 64);
}

TEST_CASE("hvm contexts: what is read can be set and is then the same") {
    bench h;
    auto& d = h.make_domain(2);
    d.vcpus[1]->pat = 0x0606060606060606;
    d.vcpus[1]->mtrr.variable[3] = 0x1234;
    CHECK(h.ctl(gethvmcontext, d.id) == 0);
    auto const size = h.op.u.hvmcontext.size;
    CHECK(size == 32 + 2 * (8 + 1032 + 8 + 24 + 8 + 1024 + 8 + 240) + 8);
    auto const buffer = hv_host::window_base + (1U << 20);
    auto with = [&](std::uint32_t n) {
        return [=](auto& o) { o.u.hvmcontext = {n, 0, {buffer}}; };
    };
    CHECK(h.ctl(gethvmcontext, d.id, with(size - 1)) == to_abi(errc::nospc));
    CHECK(h.ctl(gethvmcontext, d.id, with(size)) == 0);
    CHECK(h.op.u.hvmcontext.size == size);
    std::vector<std::byte> const first(h.at(buffer), h.at(buffer) + size);

    auto& copy = h.make_domain(2);
    CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == 0);
    CHECK(copy.vcpus[1]->pat == 0x0606060606060606);
    CHECK(copy.vcpus[1]->mtrr.variable[3] == 0x1234);
    CHECK(copy.vcpus[1]->initialised);
    CHECK(h.ctl(gethvmcontext, copy.id, with(size)) == 0);
    CHECK(std::vector<std::byte>(h.at(buffer), h.at(buffer) + size) == first);

    SECTION("a stream that breaks off, lies or lacks its header is refused") {
        CHECK(h.ctl(sethvmcontext, copy.id, with(size - 9)) == to_abi(errc::nodata));
        CHECK(h.ctl(sethvmcontext, copy.id, with(3)) == to_abi(errc::nodata));
        h.put(abi::hvm_save_descriptor{abi::hvm_save_code_cpu, 0, 1000}, buffer + 32);
        CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == to_abi(errc::inval));
        h.put(abi::hvm_save_descriptor{abi::hvm_save_code_cpu, 9, 1032}, buffer + 32);
        CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == to_abi(errc::inval));
        h.put(abi::hvm_save_descriptor{abi::hvm_save_code_hpet, 0, 8}, buffer + 32);
        CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == to_abi(errc::inval));
        h.put(std::uint32_t{1}, buffer + 8); // the magic
        CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == to_abi(errc::inval));
        h.put(abi::hvm_save_descriptor{abi::hvm_save_code_end, 0, 0}, buffer);
        CHECK(h.ctl(sethvmcontext, copy.id, with(size)) == to_abi(errc::inval));
    }
    SECTION("one record alone") {
        auto part = [&](std::uint32_t type, std::uint64_t n, std::uint64_t to) {
            return h.ctl(gethvmcontext_partial, d.id, [&](auto& o) {
                o.u.hvmcontext_partial = {type, 1, n, {to}};
            });
        };
        CHECK(part(abi::hvm_save_code_mtrr, 0, 0) == 0);
        CHECK(h.op.u.hvmcontext_partial.bufsz == 240);
        CHECK(part(abi::hvm_save_code_mtrr, 240, buffer) == 0);
        CHECK(h.peek<abi::hvm_hw_mtrr>(buffer).msr_pat_cr == 0x0606060606060606);
        CHECK(part(abi::hvm_save_code_mtrr, 239, buffer) == to_abi(errc::nospc));
        CHECK(part(abi::hvm_save_code_rtc, 239, buffer) == to_abi(errc::inval));
    }
    h.kill(d);
    h.kill(copy);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("cpu policies: read, change, set, until the domain has run") {
    bench h;
    auto& d = h.make_domain();
    auto const buffer = hv_host::window_base + (1U << 20);
    CHECK(h.ctl(get_cpu_policy, d.id) == 0);
    auto const count = h.op.u.cpu_policy.nr_leaves;
    CHECK(count == d.cpuid.size());
    CHECK(h.op.u.cpu_policy.nr_msrs == 0);
    auto with = [&](std::uint32_t n) {
        return [=](auto& o) {
            o.u.cpu_policy.nr_leaves = n;
            o.u.cpu_policy.leaves = {buffer};
        };
    };
    CHECK(h.ctl(get_cpu_policy, d.id, with(count - 1)) == to_abi(errc::nobufs));
    CHECK(h.ctl(get_cpu_policy, d.id, with(count)) == 0);
    for (std::uint32_t n = 0; n != count; ++n) {
        auto l = h.peek<abi::cpuid_leaf>(buffer + n * sizeof(abi::cpuid_leaf));
        if (l.leaf == 7 && l.subleaf == 0) {
            l.b = 0;
            h.put(l, buffer + n * sizeof l);
        }
    }
    CHECK(h.ctl(set_cpu_policy, d.id, with(count)) == 0);
    CHECK_FALSE(d.cpuid.has(x86::cpuid::avx2));
    CHECK(d.cpuid.has(x86::cpuid::avx));

    h.put(abi::cpuid_leaf{0x1234567, 5, 0, 0, 0, 0}, buffer + sizeof(abi::cpuid_leaf));
    CHECK(h.ctl(set_cpu_policy, d.id, with(2)) == to_abi(errc::range));
    CHECK(h.op.u.cpu_policy.err_leaf == 0x1234567);
    CHECK(h.op.u.cpu_policy.err_subleaf == 5);
    CHECK(h.ctl(set_cpu_policy, d.id, with(1000)) == to_abi(errc::toobig));
    CHECK(h.ctl(unpausedomain, d.id) == 0);
    CHECK(h.ctl(set_cpu_policy, d.id, with(1)) == to_abi(errc::exist));
    h.kill(d);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("handle, clock, TSC, triggers, vCPU state") {
    bench h;
    auto& d = h.make_domain(2);
    CHECK(h.ctl(setdomainhandle, d.id, [](auto& o) { o.u.setdomainhandle.handle[15] = 9; }) == 0);
    CHECK(h.info(d.id).handle[15] == 9);
    h.hv.wall_clock_base_ns = 5'000'000'000;
    CHECK(h.ctl(settimeoffset, d.id, [](auto& o) { o.u.settimeoffset.time_offset_seconds = 60; }) ==
          0);
    CHECK(d.shared_info->wc_sec == 65);
    CHECK(h.ctl(settscinfo, d.id, [](auto& o) { o.u.tsc_info.tsc_mode = 1; }) ==
          to_abi(errc::inval));
    CHECK(h.ctl(gettscinfo, d.id) == 0);
    CHECK(h.op.u.tsc_info.gtsc_khz == 2'000'000);
    CHECK(h.ctl(sendtrigger, d.id, [](auto& o) {
        o.u.sendtrigger = {abi::domctl_sendtrigger_power, 0};
    }) == 0);
    CHECK(h.ctl(sendtrigger, d.id) == 0); // NMI
    CHECK(d.vcpus[0]->nmi_pending);
    auto init = [](auto& o) { o.u.sendtrigger = {abi::domctl_sendtrigger_init, 0}; };
    CHECK(h.ctl(sendtrigger, d.id, init) == to_abi(errc::nosys));
    auto vcpu = [&](std::uint32_t n) {
        return h.ctl(getvcpuinfo, d.id, [&](auto& o) { o.u.getvcpuinfo.vcpu = n; });
    };
    CHECK(vcpu(0) == 0);
    CHECK(h.op.u.getvcpuinfo.online == 0);
    CHECK(vcpu(2) == to_abi(errc::inval));
    CHECK(h.ctl(getvcpuinfo, dom0) == 0);
    CHECK(h.op.u.getvcpuinfo.running == 1);
    CHECK(h.ctl(getdomaininfo, domid(static_cast<std::uint16_t>(d.id.raw() + 1))) ==
          to_abi(errc::srch));
    CHECK(h.info(dom0).nr_online_vcpus == 1);
    CHECK((h.info(dom0).flags & abi::dominf_running) != 0);
    domain_shutdown(d, abi::shutdown_suspend);
    CHECK(h.ctl(resumedomain, d.id) == 0);
    CHECK((h.info(d.id).flags & abi::dominf_shutdown) == 0);
    CHECK(h.ctl(resumedomain, dom0) == to_abi(errc::inval));
}

TEST_CASE("a dead domain stays until its last reference, then the control domain is told") {
    bench h;
    auto const id = h.create(1);
    {
        auto const ref = find_domain(h.hv, id);
        CHECK(h.ctl(destroydomain, id) == 0);
        CHECK((h.info(id).flags & abi::dominf_dying) != 0);
        CHECK(h.ctl(destroydomain, id) == to_abi(errc::inval));
        CHECK(h.ctl(max_vcpus, id, [](auto& o) { o.u.max_vcpus.max = 1; }) == to_abi(errc::inval));
    }
    CHECK_FALSE(find_domain(h.hv, id));
    CHECK(h.settle() == h.baseline);
}
