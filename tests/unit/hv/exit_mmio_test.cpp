// SPDX-License-Identifier: Apache-2.0
// Accesses that nested paging refused: the xAPIC's page, absent memory, what ends the domain.
#include "exit_fixture.hpp"

#include <xenpp/hv/exit_mmio.hpp>

using namespace xenpp;
using namespace xenpp::fakes;
using kind = hv::exit_action::kind;

namespace {

constexpr x86::npf_exit access(std::uint64_t address, bool is_write = false) {
    return {.address = gpa(address),
            .is_present = false,
            .is_write = is_write,
            .is_fetch = false,
            .is_reserved_bit = false,
            .is_guest_walk = false};
}

constexpr std::uint64_t apic = 0xfee00000;

} // namespace

TEST_CASE("exit_mmio.a_load_reads_the_apic") {
    exit_fixture f;
    f.code(0x3000, {0x8b, 0x0d, 0x30, 0x00, 0xe0, 0xfe}); // mov 0xfee00030, %ecx
    f.v.context.rcx = ~std::uint64_t{0};
    CHECK(hv::handle_nested_fault(f.v, access(apic + 0x30)).what == kind::resume);
    CHECK(f.v.context.rcx == hv::vlapic::version_word);
    CHECK(f.v.context.rip == 0x3006);
}

TEST_CASE("exit_mmio.a_store_writes_the_apic") {
    exit_fixture f;
    f.code(0x3000, {0xc7, 0x05, 0x80, 0x00, 0xe0, 0xfe, 0x20, 0, 0, 0}); // movl $0x20, 0xfee00080
    CHECK(hv::handle_nested_fault(f.v, access(apic + 0x80, true)).what == kind::resume);
    CHECK(f.v.lapic.task_priority() == 0x20);
    CHECK(f.v.context.rip == 0x300a);
}

TEST_CASE("exit_mmio.an_instruction_may_cross_pages") {
    exit_fixture f;
    f.code(0x3ffd, {0x8b, 0x0d, 0x20, 0x00, 0xe0, 0xfe});
    f.v.context.rcx = 5;
    CHECK(hv::handle_nested_fault(f.v, access(apic + 0x20)).what == kind::resume);
    CHECK(f.v.context.rcx == 0);
    CHECK(f.v.context.rip == 0x4003);
}

TEST_CASE("exit_mmio.an_instruction_may_end_with_memory") {
    exit_fixture f;
    f.code(16 * page_size - 2, {0x8a, 0x08}); // mov (%eax), %cl; the next page is absent
    CHECK(hv::handle_nested_fault(f.v, access(0x20000000)).what == kind::resume);
    CHECK(f.v.context.rcx == 0xff);
}

TEST_CASE("exit_mmio.absent_memory_reads_ones_and_drops_writes") {
    exit_fixture f;
    f.code(0x3000, {0x0f, 0xb7, 0x10}); // movzwl (%eax), %edx
    CHECK(hv::handle_nested_fault(f.v, access(0x20000000)).what == kind::resume);
    CHECK(f.v.context.rdx == 0xffff);
    f.code(0x3000, {0x89, 0x10}); // mov %edx, (%eax)
    CHECK(hv::handle_nested_fault(f.v, access(0x20000000, true)).what == kind::resume);
}

TEST_CASE("exit_mmio.high_byte_registers_are_used_as_such") {
    exit_fixture f;
    f.code(0x3000, {0x8a, 0x20}); // mov (%eax), %ah
    f.v.context.rax = 0x12345678;
    CHECK(hv::handle_nested_fault(f.v, access(0x20000000)).what == kind::resume);
    CHECK(f.v.context.rax == 0x1234ff78);
}

TEST_CASE("exit_mmio.what_is_no_move_faults") {
    exit_fixture f;
    f.code(0x3000, {0x01, 0x08}); // add %ecx, (%eax)
    CHECK(is_fault(hv::handle_nested_fault(f.v, access(0x20000000, true))));
    f.code(0x3000, {0x8b, 0x08}); // a load, where the processor saw a store
    CHECK(is_fault(hv::handle_nested_fault(f.v, access(0x20000000, true))));
    f.v.context.rip = 0x30000000; // code that cannot be read
    CHECK(is_fault(hv::handle_nested_fault(f.v, access(0x20000000))));
}

TEST_CASE("exit_mmio.a_page_that_came_meanwhile_is_simply_tried_again") {
    exit_fixture f;
    auto fetch = access(0x2000);
    fetch.is_fetch = true;
    CHECK(hv::handle_nested_fault(f.v, fetch).what == kind::resume);
    CHECK(hv::handle_nested_fault(f.v, access(0x2000, true)).what == kind::resume);
}

TEST_CASE("exit_mmio.what_cannot_go_on_ends_the_domain") {
    exit_fixture f;
    auto e = access(0x20000000);
    e.is_fetch = true;
    CHECK(hv::handle_nested_fault(f.v, e).what == kind::crash);
    e = access(0x20000000);
    e.is_guest_walk = true;
    CHECK(hv::handle_nested_fault(f.v, e).what == kind::crash);
    e = access(0x2000);
    e.is_reserved_bit = true;
    CHECK(hv::handle_nested_fault(f.v, e).what == kind::crash);
}
