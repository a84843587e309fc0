// SPDX-License-Identifier: Apache-2.0
// Typed calls: what goes to the hypervisor, and what an error says.
#include "fakes/scripted_doors.hpp"

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/grant_table.hpp>
#include <xenpp/ctl/interface_version.hpp>
#include <xenpp/ctl/memory.hpp>
#include <xenpp/ctl/mmu.hpp>
#include <xenpp/ctl/sysctl.hpp>

#include <algorithm>
#include <map>
#include <vector>

using namespace xenpp;
using fakes::scripted_doors;

namespace {

struct bed {
    scripted_doors doors;

    ctl::connection connect() { return ctl::connection::open(doors).value(); }

    /// Answers domctls by `f(abi::domctl&)`.
    template <class F>
    void on_domctl(F f) {
        doors.answer = [f](abi::hypercall n, scripted_doors::arguments const& arg) -> std::int64_t {
            return n == abi::hypercall::domctl ? f(scripted_doors::at<abi::domctl>(arg[0]))
                                               : -ENOSYS;
        };
    }
};

} // namespace

TEST_CASE("interface_version.the table is ordered and finds its own rows") {
    auto const all = ctl::supported_interfaces();
    REQUIRE(all.size() == 6);
    for (std::size_t i = 0; i != all.size(); ++i) {
        CHECK(ctl::find_interface(all[i].major, all[i].minor) == &all[i]);
        CHECK((i == 0 || all[i - 1].domctl <= all[i].domctl));
        CHECK((i == 0 || all[i - 1].sysctl <= all[i].sysctl));
    }
    CHECK(ctl::find_interface(4, 16) == nullptr);
    CHECK(ctl::find_interface(5, 17) == nullptr);
}

TEST_CASE("connection.each release gets its own interface version") {
    for (auto const& i : ctl::supported_interfaces()) {
        bed b;
        b.doors.version = i.major << 16 | i.minor;
        std::uint32_t seen = 0;
        b.on_domctl([&seen](abi::domctl const& op) {
            seen = op.interface_version;
            return 0;
        });
        auto c = b.connect();
        CHECK(ctl::pause_domain(c, domid(3)));
        CHECK(seen == i.domctl);
    }
}

TEST_CASE("connection.an unknown release is refused with a list of the known") {
    bed b;
    b.doors.version = 4 << 16 | 11;
    auto const c = ctl::connection::open(b.doors);
    REQUIRE(!c);
    CHECK(c.error().code == EOPNOTSUPP);
    CHECK(c.error().message().find("Xen 4.11 is not supported, only 4.17 to 4.22") !=
          std::string::npos);
}

TEST_CASE("error.says what Xen means by its answer to another version of an interface") {
    bed b;
    b.on_domctl([](abi::domctl const&) { return -EACCES; });
    auto c = b.connect();
    auto const failed = ctl::pause_domain(c, domid(3));
    REQUIRE(!failed);
    CHECK(failed.error().code == EACCES);
    CHECK(
        failed.error().detail.starts_with("it does not take version 0x15 of its domctl interface, "
                                          "as releases of Xen 4.17 do"));
    b.doors.answer = [](abi::hypercall, scripted_doors::arguments const&) { return -EACCES; };
    auto const info = ctl::get_physinfo(c);
    REQUIRE(!info);
    CHECK(info.error().detail.starts_with("it does not take version 0x15 of its sysctl interface"));
}

TEST_CASE("error.quotes what the hypervisor said meanwhile, and nothing older") {
    bed b;
    b.doors.console = "(XEN) long ago\n";
    b.on_domctl([&b](abi::domctl const&) {
        b.doors.console += "(XEN) d3: no room\n";
        return -EINVAL;
    });
    auto c = b.connect();
    auto const failed = ctl::set_max_vcpus(c, domid(3), 2);
    REQUIRE(!failed);
    auto const& e = failed.error();
    CHECK(e.operation == "domctl_max_vcpus");
    CHECK(e.domid == 3);
    CHECK(e.code == EINVAL);
    CHECK(e.detail == "the hypervisor says: (XEN) d3: no room");
    CHECK(e.message() == "domctl_max_vcpus (domain 3): the hypervisor says: (XEN) d3: no room: "
                         "Invalid argument (errno 22)");
}

TEST_CASE("error.quotes at most the last eight lines") {
    bed b;
    b.on_domctl([&b](abi::domctl const&) {
        for (int i = 0; i != 20; ++i) {
            b.doors.console += "line " + std::to_string(i) + "\n";
        }
        return -EINVAL;
    });
    auto c = b.connect();
    auto const failed = ctl::set_max_vcpus(c, domid(3), 2);
    REQUIRE(!failed);
    CHECK(failed.error().detail.find("line 11") == std::string::npos);
    CHECK(failed.error().detail.find("line 12\n") != std::string::npos);
    CHECK(failed.error().detail.ends_with("line 19"));
}

TEST_CASE("destroy_domain.goes on until the hypervisor is done") {
    bed b;
    int calls = 0;
    b.on_domctl([&calls](abi::domctl const&) {
        ++calls;
        return calls < 4 ? -ERESTART : calls < 6 ? -EAGAIN : 0;
    });
    auto c = b.connect();
    CHECK(ctl::destroy_domain(c, domid(3)));
    CHECK(calls == 6);
}

TEST_CASE("get_domain_info.the next domain's answer is no answer") {
    bed b;
    b.on_domctl([](abi::domctl& op) {
        op.u.getdomaininfo.domain = 9;
        return 0;
    });
    auto c = b.connect();
    auto const info = ctl::get_domain_info(c, domid(3));
    REQUIRE(!info);
    CHECK(info.error().code == ESRCH);
}

TEST_CASE("get_domain_list.asks again until it has all") {
    bed b;
    constexpr std::uint32_t domains = 2500;
    b.doors.answer = [](abi::hypercall, scripted_doors::arguments const& arg) -> std::int64_t {
        auto& get = scripted_doors::at<abi::sysctl>(arg[0]).u.getdomaininfolist;
        auto* const out = &scripted_doors::at<abi::domctl_getdomaininfo>(get.buffer.p);
        get.num_domains = 0;
        for (std::uint32_t d = get.first_domain; d < domains && get.num_domains < get.max_domains;
             ++d) {
            out[get.num_domains++].domain = static_cast<std::uint16_t>(d);
        }
        return 0;
    };
    auto c = b.connect();
    auto const list = ctl::get_domain_list(c).value();
    REQUIRE(list.size() == domains);
    for (std::uint32_t d = 0; d != domains; ++d) {
        REQUIRE(list[d].domain == d);
    }
}

TEST_CASE("populate_physmap.counts extents across batches and stops at the first short one") {
    bed b;
    std::vector<std::uint64_t> frames;
    std::uint64_t memory = 6000;
    b.doors.answer = [&](abi::hypercall, scripted_doors::arguments const& arg) -> std::int64_t {
        auto const& r = scripted_doors::at<abi::memory_reservation>(arg[1]);
        auto const* const first = &scripted_doors::at<std::uint64_t>(r.extent_start.p);
        auto const n = std::min(r.nr_extents, memory);
        frames.insert(frames.end(), first, first + n);
        memory -= n;
        return static_cast<std::int64_t>(n);
    };
    auto c = b.connect();
    CHECK(ctl::populate_physmap(c, domid(1), gfn(512), 9, 10000).value() == 6000);
    REQUIRE(frames.size() == 6000);
    for (std::size_t i = 0; i != frames.size(); ++i) {
        REQUIRE(frames[i] == 512 + i * 512);
    }
}

TEST_CASE("read_console.reads a ring longer than its buffer") {
    bed b;
    for (int i = 0; i != 5000; ++i) {
        b.doors.console += std::to_string(i) + "\n";
    }
    auto c = b.connect();
    CHECK(ctl::read_console(c, false).value() == b.doors.console);
}

TEST_CASE("connection.gives all its memory back") {
    bed b;
    b.on_domctl([](abi::domctl const&) { return -EINVAL; });
    {
        auto c = b.connect();
        CHECK(!ctl::set_vcpu_affinity(c, domid(1), vcpu_id(0), ctl::affinity::hard,
                                      std::vector<std::uint64_t>{1}));
        CHECK(!ctl::get_hvm_context(c, domid(1)));
    }
    CHECK(b.doors.allocated == 0);
}

TEST_CASE("memory.a PV domain's extents come back as machine frames") {
    bed b;
    std::uint64_t next = 0x1000;
    b.doors.answer = [&next](abi::hypercall, scripted_doors::arguments const& arg) -> std::int64_t {
        auto& op = scripted_doors::at<abi::memory_reservation>(arg[1]);
        CHECK(arg[0] == static_cast<std::uint64_t>(abi::mem_op::populate_physmap));
        CHECK(op.extent_order == 9);
        auto const n = std::min<std::uint64_t>(op.nr_extents, 0x3000 - next);
        for (std::uint64_t i = 0; i != n; ++i) {
            auto& frame = (&scripted_doors::at<std::uint64_t>(op.extent_start.p))[i];
            CHECK(frame == (next - 0x1000) * 512);
            frame = next++;
        }
        return static_cast<std::int64_t>(n);
    };
    auto c = b.connect();
    auto const got = ctl::populate_machine_frames(c, domid(3), pfn(0), 9, 10'000).value();
    REQUIRE(got.size() == 0x2000); // what there is
    CHECK(got.front() == mfn(0x1000));
    CHECK(got.back() == mfn(0x2fff));
}

TEST_CASE("mmu.lists go in portions, and end with the first refusal") {
    bed b;
    std::vector<std::uint64_t> seen;
    b.doors.answer = [&seen](abi::hypercall n,
                             scripted_doors::arguments const& arg) -> std::int64_t {
        CHECK(n == abi::hypercall::mmu_update);
        CHECK(arg[3] == 7);
        auto const* const list = &scripted_doors::at<abi::mmu_update>(arg[0]);
        auto& done = scripted_doors::at<std::uint32_t>(arg[2]);
        for (std::uint64_t i = 0; i != arg[1]; ++i, ++done) {
            if (list[i].val == 1500) {
                return -EINVAL;
            }
            seen.push_back(list[i].val);
        }
        return 0;
    };
    auto c = b.connect();
    std::vector<abi::mmu_update> updates(1400);
    for (std::size_t i = 0; i != updates.size(); ++i) {
        updates[i].val = i;
    }
    CHECK(ctl::update_mmu(c, domid(7), updates));
    CHECK(seen.size() == 1400);
    updates[1200].val = 1500;
    CHECK(ctl::update_mmu(c, domid(7), updates).error().code == EINVAL);
    CHECK(seen.size() == 2600);
    CHECK(ctl::update_mmu(c, domid(7), {}));
    CHECK(b.doors.allocated == 2); // the connection's own
}

TEST_CASE("mmu.pinning is one command, and work left undone is an error") {
    bed b;
    std::uint32_t reported = 1;
    b.doors.answer = [&](abi::hypercall n, scripted_doors::arguments const& arg) -> std::int64_t {
        CHECK(n == abi::hypercall::mmuext_op);
        CHECK(arg[1] == 1);
        auto const& op = scripted_doors::at<abi::mmuext_op>(arg[0]);
        CHECK(op.cmd == 3);
        CHECK(op.arg1.mfn == 0x123);
        scripted_doors::at<std::uint32_t>(arg[2]) = reported;
        return 0;
    };
    auto c = b.connect();
    CHECK(ctl::pin_root_table(c, domid(7), mfn(0x123)));
    reported = 0;
    CHECK(ctl::pin_root_table(c, domid(7), mfn(0x123)).error().code == EIO);
}

TEST_CASE("domctl.a vCPU's context goes there and back") {
    bed b;
    abi::vcpu_guest_context kept{};
    unsigned busy = 2;
    b.on_domctl([&](abi::domctl& op) -> std::int64_t {
        auto& there = scripted_doors::at<abi::vcpu_guest_context>(op.u.vcpucontext.ctxt.p);
        CHECK(op.u.vcpucontext.vcpu == 1);
        if (op.cmd == static_cast<std::uint32_t>(abi::domctl_op::getvcpucontext)) {
            there = kept;
            return 0;
        }
        kept = there;
        return busy-- == 0 ? 0 : -EAGAIN;
    });
    auto c = b.connect();
    abi::vcpu_guest_context r{};
    r.user_regs.rip = 0x1234;
    r.gs_base_user = 0x5678;
    CHECK(ctl::set_vcpu_context(c, domid(3), vcpu_id(1), r));
    auto const back = ctl::get_vcpu_context(c, domid(3), vcpu_id(1)).value();
    CHECK(back.user_regs.rip == 0x1234);
    CHECK(back.gs_base_user == 0x5678);
}

TEST_CASE("grant_table.the frame is the answer, a bad status an error") {
    bed b;
    std::int16_t status = 0;
    b.doors.answer = [&](abi::hypercall n, scripted_doors::arguments const& arg) -> std::int64_t {
        CHECK(n == abi::hypercall::grant_table_op);
        auto& op = scripted_doors::at<abi::gnttab_setup_table>(arg[1]);
        CHECK(op.dom == 9);
        CHECK(op.nr_frames == 1);
        scripted_doors::at<std::uint64_t>(op.frame_list.p) = 0x77;
        op.status = status;
        return 0;
    };
    auto c = b.connect();
    CHECK(ctl::first_grant_frame(c, domid(9)).value() == gfn(0x77));
    status = -3;
    auto const bad = ctl::first_grant_frame(c, domid(9));
    CHECK(bad.error().message().find("status -3") != std::string::npos);
}
