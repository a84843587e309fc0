// SPDX-License-Identifier: Apache-2.0
// Stale translations: what other CPUs remember is gone before a frame becomes something else.
#include "two_cpus.hpp"

#include <catch2/catch.hpp>

using namespace xenpp;
using abi::mmuext_cmd;
using fakes::pv_guest;

namespace {

/// vCPU 0 is on CPU 0 and makes the calls; vCPU 1 runs on CPU 1, in the guest.
struct tlb_fixture : fakes::two_cpus {
    std::uint64_t const ro = pv_guest::ro;
    std::uint64_t const linked = pv_guest::base + (1U << 21);

    tlb_fixture() {
        enter_guest();
        h.platform.run_on(cpu_id(0));
        hv::pv::leave_guest(h.hv);
    }

    void guest_uses(unsigned page) { tlb.touch(1, pv_guest::address(page), false); }

    /// CPU 1 goes back into its guest.
    void reenter() {
        tlb.enter(1);
        h.platform.run_on(cpu_id(0));
    }

    unsigned kicks() const { return h.platform.kicks(cpu_id(1)); }
};

} // namespace

TEST_CASE("pv_tlb.a_writable_translation_is_gone_before_the_page_is_a_table") {
    tlb_fixture f;
    f.guest_uses(10);
    CHECK(f.g.protect(10, f.ro) == 0); // flushes nothing: the guest did not ask
    CHECK(f.kicks() == 0);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(f.kicks() == 1);
    f.reenter(); // back in its guest
    CHECK(f.tlb.find_fault() == "");
    f.tlb.touch(1, pv_guest::address(10), true);
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.a_cached_table_is_gone_before_the_page_is_writable") {
    tlb_fixture f;
    auto const l2 = f.g.page_of_l1() + 1;
    auto const at = hv::pv::table_index(f.linked, 2);
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(f.g.write(l2, at, f.g.entry(10, f.rw)) == 0);
    f.reenter();
    f.tlb.touch(1, f.linked, false); // walks through page 10
    auto const before = f.kicks();
    CHECK(f.g.write(l2, at, 0) == 0);
    CHECK(f.kicks() == before);
    CHECK(f.g.protect(10, f.rw) == 0);
    CHECK(f.kicks() == before + 1);
    f.reenter();
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.a_descriptor_page_is_not_written_by_what_is_remembered") {
    tlb_fixture f;
    f.guest_uses(10);
    CHECK(f.g.protect(10, f.ro) == 0);
    auto const list = f.g.put(std::vector{f.g.frames[10].raw()});
    CHECK(f.g.call(abi::hypercall::set_gdt, {list, 512}) == 0);
    CHECK(f.kicks() == 1);
    f.reenter();
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.nobody_is_disturbed_who_has_flushed_since") {
    tlb_fixture f;
    f.guest_uses(10);
    CHECK(f.g.protect(10, f.ro) == 0);
    f.h.platform.run_on(cpu_id(1));
    hv::pv::flush_here(f.h.hv);
    f.h.platform.run_on(cpu_id(0));
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(f.kicks() == 0);
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.a_cpu_in_the_hypervisor_is_not_waited_for_and_flushes_on_its_way_back") {
    tlb_fixture f;
    f.guest_uses(10);
    f.h.platform.run_on(cpu_id(1));
    hv::pv::leave_guest(f.h.hv);
    f.h.platform.run_on(cpu_id(0));
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0); // would hang if it waited
    CHECK(f.kicks() == 0);
    f.reenter();
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.another_domains_cpu_is_left_alone") {
    tlb_fixture f;
    pv_guest other(f.h);
    f.tlb.load(1, &other.v(0));
    f.h.platform.run_on(cpu_id(0));
    CHECK(f.g.protect(10, f.ro) == 0);
    CHECK(f.g.mmuext(mmuext_cmd::pin_l1_table, 10) == 0);
    CHECK(f.kicks() == 0);
}

TEST_CASE("pv_tlb.freed_memory_waits_for_those_who_may_remember_it") {
    tlb_fixture f;
    f.guest_uses(10);
    auto const gone = f.g.frames[10];
    CHECK(f.g.call(abi::hypercall::update_va_mapping, {pv_guest::address(10), 0, 0}) == 0);
    {
        hv::pv::table_work w(f.g.d);
        CHECK(hv::pv::give_up_frame(w, gone));
    }
    f.tlb.enter(0);
    while (f.h.hv.frames.reclaim()) {
    }
    CHECK(f.h.hv.frames.info(gone).use == hv::page_use::dying);
    f.reenter();
    while (f.h.hv.frames.reclaim()) {
    }
    CHECK(f.h.hv.frames.info(gone).use != hv::page_use::dying);
    CHECK(f.tlb.find_fault() == "");
}

TEST_CASE("pv_tlb.flushes_reach_the_vcpus_that_a_guest_names") {
    tlb_fixture f;
    f.guest_uses(10);
    f.g.put(std::vector<std::uint64_t>{2}, 3);
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::tlb_flush_multi);
    op.arg2.vcpumask.p = pv_guest::address(3);
    CHECK(f.g.mmuext(op) == 0);
    CHECK(f.kicks() == 1);
    f.reenter();
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::tlb_flush_all);
    CHECK(f.g.mmuext(op) == 0);
    CHECK(f.kicks() == 2);
    f.reenter();
    CHECK(f.g.call(abi::hypercall::update_va_mapping, {pv_guest::address(10), f.g.entry(10, f.ro),
                                                       abi::uvmf_invlpg | pv_guest::address(3)}) ==
          0);
    CHECK(f.kicks() == 3);
    f.g.put(std::vector<std::uint64_t>{1}, 3);
    f.reenter();
    op.cmd = static_cast<std::uint32_t>(mmuext_cmd::invlpg_multi);
    CHECK(f.g.mmuext(op) == 0); // itself alone
    CHECK(f.kicks() == 3);
}
