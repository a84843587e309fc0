// SPDX-License-Identifier: Apache-2.0
// A kernel that goes to and fro between two roots: no CR3 is loaded, and nothing stays that would
// have gone with it.
#include "two_cpus.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <vector>

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_guest;

namespace {

constexpr std::uint64_t there = pv_guest::second_base; ///< what only the second root maps

/// vCPU 0 is on CPU 0, vCPU 1 on CPU 1, both in the guest, which has two roots.
struct pair_fixture : fakes::two_cpus {
    unsigned const second = 40; ///< the root's page; its tables are 39 to 37
    unsigned const l1 = second - 3;

    pair_fixture() {
        g.make_second_root(second);
        CHECK(g.mmuext(mmuext_cmd::pin_l4_table, second) == 0);
        enter_guest();
    }

    /// A call of vCPU 0's, or of vCPU 1's on CPU 1.
    template <class Call>
    void on(unsigned c, Call make) {
        h.platform.run_on(cpu_id(c));
        hv::pv::leave_guest(h.hv);
        make();
        tlb.enter(c);
        CHECK(tlb.find_fault() == "");
    }

    void load_root(unsigned page, unsigned c = 0) {
        on(c, [&] {
            abi::mmuext_op op{};
            op.cmd = static_cast<std::uint32_t>(mmuext_cmd::new_baseptr);
            op.arg1.mfn = g.frames[page].raw();
            auto const at = g.put(std::vector{op});
            CHECK(g.call(abi::hypercall::mmuext_op, {at, 1, 0, abi::domid_self}, c) == 0);
        });
        CHECK(tlb.find_remembered(c) == "");
    }

    void go(unsigned c = 0) { load_root(second, c); }

    void come_back(unsigned c = 0) { load_root(g.page_of_root(), c); }

    void map(unsigned page, unsigned index = 0) {
        on(0, [&] { CHECK(g.write(l1, index, g.entry(page, rw)) == 0); });
    }

    void unmap(unsigned index = 0) {
        on(0, [&] { CHECK(g.write(l1, index, 0) == 0); });
    }

    /// Until the hypervisor has noticed.
    void go_to_and_fro(unsigned c = 0) {
        for (unsigned n = 0; n != 10; ++n) {
            go(c);
            come_back(c);
        }
    }

    bool has_copy(unsigned c = 0) const { return h.hv.tlb[c].copied_for != nullptr; }

    unsigned loads() const { return h.platform.root_loads; }
};

} // namespace

TEST_CASE("pv_root_pair.going_to_and_fro_loads_no_root") {
    pair_fixture f;
    f.go_to_and_fro();
    CHECK(f.has_copy());
    auto const before = f.loads();
    for (unsigned n = 0; n != 20; ++n) {
        auto const page = 10 + n % 3;
        f.map(page);
        CHECK_FALSE(f.tlb.reaches(0, there));
        f.go();
        CHECK(f.tlb.reaches(0, there));
        CHECK(f.tlb.reaches(0, pv_guest::address(page)));
        f.unmap();
        CHECK_FALSE(f.tlb.reaches(0, there)); // but has learned the tables on the way again
        f.come_back();
        CHECK_FALSE(f.tlb.reaches(0, there));
        CHECK(f.tlb.reaches(0, pv_guest::address(page)));
    }
    CHECK(f.loads() == before);
}

TEST_CASE("pv_root_pair.what_the_second_still_maps_goes_with_a_load") {
    pair_fixture f;
    f.go_to_and_fro();
    f.map(10);
    f.go();
    CHECK(f.tlb.reaches(0, there));
    auto const before = f.loads();
    f.come_back();
    CHECK(f.loads() == before + 1);
    CHECK_FALSE(f.tlb.reaches(0, there));
    CHECK_FALSE(f.has_copy());
}

TEST_CASE("pv_root_pair.what_has_changed_elsewhere_is_forgotten") {
    pair_fixture f;
    f.go_to_and_fro();
    f.go();
    CHECK(f.tlb.reaches(0, pv_guest::address(10)));
    f.on(0, [&] { CHECK(f.g.protect(10, pv_guest::ro) == 0); });
    f.come_back(); // looks at what is remembered
    CHECK(f.tlb.reaches(0, pv_guest::address(10)));
    f.go_to_and_fro();
    CHECK(f.has_copy());
    f.on(0, [&] { CHECK(f.g.protect(10, pv_guest::rw) == 0); });
    f.go();
    CHECK_FALSE(f.has_copy());
}

TEST_CASE("pv_root_pair.another_cpu_takes_out_what_this_one_remembers") {
    pair_fixture f;
    f.go_to_and_fro();
    f.map(10);
    f.go();
    CHECK(f.tlb.reaches(0, there));
    f.on(1, [&] { CHECK(f.g.write(f.l1, 0, 0) == 0); });
    f.h.platform.run_on(cpu_id(0));
    auto const before = f.loads();
    f.come_back();
    CHECK(f.loads() == before + 1);
    CHECK_FALSE(f.tlb.reaches(0, there));
}

TEST_CASE("pv_root_pair.an_entry_that_is_replaced_is_seen_anew") {
    pair_fixture f;
    f.go_to_and_fro();
    f.map(10, 5);
    f.go();
    CHECK(f.tlb.reaches(0, there + 5 * page_size));
    f.map(11, 5);
    f.unmap(5);
    f.come_back();
    f.map(12, 5);
    f.go(); // looks at what is remembered
    CHECK(f.tlb.reaches(0, there + 5 * page_size));
    CHECK(f.tlb.find_remembered(0) == "");
}

TEST_CASE("pv_root_pair.who_writes_to_a_root_makes_the_cpu_leave_its_copy") {
    pair_fixture f;
    f.go_to_and_fro();
    auto const slot = hv::pv::table_index(pv_guest::base, 4) + 1;
    auto const elsewhere = pv_guest::base + (std::uint64_t{1} << 39);
    CHECK_FALSE(f.tlb.reaches(0, elsewhere));
    auto const kicks = f.h.platform.kicks(cpu_id(0));
    f.on(1, [&] {
        CHECK(f.g.write(f.g.page_of_root(), slot, f.g.entry(f.g.page_of_l1() + 2, f.rw)) == 0);
    });
    CHECK(f.h.platform.kicks(cpu_id(0)) == kicks + 1);
    f.tlb.enter(0);
    CHECK_FALSE(f.has_copy());
    CHECK(f.tlb.reaches(0, elsewhere));
    f.on(1, [&] { CHECK(f.g.write(f.g.page_of_root(), slot, 0) == 0); });
    f.tlb.enter(0);
    f.go_to_and_fro();
    CHECK(f.has_copy());
}

TEST_CASE("pv_root_pair.a_root_that_was_given_up_and_made_anew_is_another") {
    pair_fixture f;
    f.go_to_and_fro();
    std::memcpy(f.g.table(10), f.g.table(f.second), page_size);
    f.g.table(10)[hv::pv::table_index(there, 4)] = 0;
    f.on(0, [&] {
        CHECK(f.g.mmuext(mmuext_cmd::unpin_table, f.second) == 0);
        abi::mmuext_op op{}; // which changes no mapping
        op.cmd = static_cast<std::uint32_t>(mmuext_cmd::copy_page);
        op.arg1.mfn = f.g.frames[f.second].raw();
        op.arg2.src_mfn = f.g.frames[10].raw();
        CHECK(f.g.mmuext(op) == 0);
        CHECK(f.g.mmuext(mmuext_cmd::pin_l4_table, f.second) == 0);
    });
    f.go(); // looks at the copy, if it is one
    CHECK_FALSE(f.tlb.reaches(0, there));
}

TEST_CASE("pv_root_pair.a_process_a_flush_or_another_root_ends_the_copy") {
    pair_fixture f;
    SECTION("a process") {
        f.go_to_and_fro();
        CHECK(f.has_copy());
        f.on(0, [&] { hv::pv::set_mode(f.g.v(0), false); });
        CHECK_FALSE(f.has_copy());
        hv::pv::set_mode(f.g.v(0), true);
    }
    SECTION("a flush") {
        f.go_to_and_fro();
        CHECK(f.has_copy());
        f.on(0, [&] { CHECK(f.g.mmuext(mmuext_cmd::tlb_flush_local, 0) == 0); });
        CHECK_FALSE(f.has_copy());
    }
    SECTION("another root") {
        f.g.make_second_root(30);
        f.go_to_and_fro();
        CHECK(f.has_copy());
        f.load_root(30);
        CHECK_FALSE(f.has_copy());
        f.come_back();
        CHECK_FALSE(f.has_copy());
    }
    SECTION("another vCPU") {
        f.go_to_and_fro();
        CHECK(f.has_copy());
        f.tlb.load(0, nullptr);
        CHECK_FALSE(f.has_copy());
    }
    f.come_back();
}

TEST_CASE("pv_root_pair.of_two_cpus_that_go_to_and_fro_one_has_a_copy") {
    pair_fixture f;
    f.go_to_and_fro(0);
    f.go_to_and_fro(1);
    CHECK(f.has_copy(0));
    CHECK_FALSE(f.has_copy(1));
    f.on(0, [&] { CHECK(f.g.mmuext(mmuext_cmd::tlb_flush_local, 0) == 0); });
    f.go_to_and_fro(1);
    CHECK(f.has_copy(1));
}

TEST_CASE("pv_root_pair.roots_that_differ_in_more_are_no_pair") {
    pair_fixture f;
    auto const kernel = f.g.page_of_l1() + 2; // an L3
    SECTION("the first maps something for processes") {
        f.on(0, [&] { CHECK(f.g.write(f.g.page_of_root(), 7, f.g.entry(kernel, f.rw)) == 0); });
    }
    SECTION("the second maps more than one table") {
        f.on(0, [&] { CHECK(f.g.write(f.second, 7, f.g.entry(kernel, f.rw)) == 0); });
    }
    SECTION("a table on the way has more than one entry") {
        f.on(0, [&] { CHECK(f.g.write(f.second - 2, 511, f.g.entry(f.l1, f.rw)) == 0); });
    }
    SECTION("the kernel's halves differ") {
        f.on(0, [&] { CHECK(f.g.write(f.second, 300, f.g.entry(kernel, f.rw)) == 0); });
    }
    SECTION("the kernel's halves differ in rights") {
        auto const at = hv::pv::table_index(pv_guest::base, 4);
        f.on(0, [&] {
            CHECK(f.g.write(f.second, at, f.g.entry(kernel, f.rw | hv::pv::entry_nx)) == 0);
        });
    }
    SECTION("the table is linked a second time") {
        f.on(0, [&] { CHECK(f.g.write(f.g.page_of_l1() + 1, 7, f.g.entry(f.l1, f.rw)) == 0); });
    }
    SECTION("a table on the way is linked a second time") {
        f.on(0, [&] {
            CHECK(f.g.write(f.g.page_of_l1() + 2, 7, f.g.entry(f.second - 2, f.rw)) == 0);
        });
    }
    SECTION("a table on the way is the kernel's too") {
        f.on(0, [&] {
            auto const l3 = f.g.entry(f.second - 1, f.rw);
            CHECK(f.g.write(f.second, 300, l3) == 0);
            CHECK(f.g.write(f.g.page_of_root(), 300, l3) == 0);
        });
    }
    SECTION("the table is not empty") {
        f.map(10);
    }
    f.go_to_and_fro();
    CHECK_FALSE(f.has_copy());
}

TEST_CASE("pv_root_pair.the_root_of_processes_may_have_the_table_too") {
    pair_fixture f;
    constexpr unsigned third = 20;
    f.on(0, [&] {
        std::memset(f.g.table(third), 0, page_size);
        f.g.table(third)[hv::pv::table_index(there, 4)] = f.g.entry(f.second - 1, f.rw);
        CHECK(f.g.protect(third, pv_guest::ro) == 0);
        CHECK(f.g.mmuext(mmuext_cmd::pin_l4_table, third) == 0);
    });
    f.go_to_and_fro();
    CHECK(f.has_copy());
}
