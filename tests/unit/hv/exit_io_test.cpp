// SPDX-License-Identifier: Apache-2.0
// IN, OUT, INS and OUTS where no device is.
#include "exit_fixture.hpp"

#include <xenpp/hv/exit_io.hpp>

using namespace xenpp;
using namespace xenpp::fakes;
using kind = hv::exit_action::kind;

namespace {

constexpr x86::io_exit in_from(std::uint16_t port, std::uint8_t size) {
    return {.port = port,
            .size = size,
            .address_size = 4,
            .is_in = true,
            .is_string = false,
            .is_rep = false,
            .segment = x86::segment_register::es};
}

x86::io_exit rep_ins(std::uint8_t size, std::uint8_t address_size = 4) {
    auto io = in_from(0x1f0, size);
    io.is_string = io.is_rep = true;
    io.address_size = address_size;
    return io;
}

} // namespace

TEST_CASE("exit_io.in_reads_ones_into_the_operand_alone") {
    exit_fixture f;
    auto const rax = [&](std::uint8_t size) {
        f.v.context.rax = 0x1122334455667788;
        CHECK(hv::handle_io(f.v, in_from(0xcfc, size)).what == kind::skip);
        return f.v.context.rax;
    };
    CHECK(rax(1) == 0x11223344556677ff);
    CHECK(rax(2) == 0x112233445566ffff);
    CHECK(rax(4) == 0xffffffff);
}

TEST_CASE("exit_io.the_pit_reads_zero") {
    exit_fixture f;
    f.v.context.rax = 0x55;
    CHECK(hv::handle_io(f.v, in_from(0x42, 1)).what == kind::skip);
    CHECK(f.v.context.rax == 0);
}

TEST_CASE("exit_io.ins_crosses_a_page_and_counts_down") {
    exit_fixture f;
    auto& c = f.v.context;
    c.rdi = 3 * page_size - 4;
    c.rcx = 4;
    CHECK(hv::handle_io(f.v, rep_ins(2)).what == kind::skip);
    CHECK(c.rcx == 0);
    CHECK(c.rdi == 3 * page_size + 4);
    CHECK(f.m.at<std::uint32_t>(f.d, 3 * page_size - 4) == 0xffffffff);
    CHECK(f.m.at<std::uint32_t>(f.d, 3 * page_size) == 0xffffffff);
    CHECK(f.m.at<std::uint32_t>(f.d, 3 * page_size + 4) == 0);
}

TEST_CASE("exit_io.ins_goes_down_with_the_direction_flag") {
    exit_fixture f;
    auto& c = f.v.context;
    c.rflags |= 1U << 10;
    c.rdi = 0x2100;
    c.rcx = 3;
    CHECK(hv::handle_io(f.v, rep_ins(4)).what == kind::skip);
    CHECK(c.rdi == 0x2100 - 12);
    CHECK(f.m.at<std::uint32_t>(f.d, 0x2100 - 8) == 0xffffffff);
}

TEST_CASE("exit_io.a_long_string_is_done_in_turns") {
    exit_fixture f;
    auto& c = f.v.context;
    c.rdi = 0x2000;
    c.rcx = 700;
    CHECK(hv::handle_io(f.v, rep_ins(1)).what == kind::resume);
    CHECK(c.rcx == 700 - 512);
    CHECK(hv::handle_io(f.v, rep_ins(1)).what == kind::skip);
    CHECK(c.rcx == 0);
}

TEST_CASE("exit_io.a_16_bit_string_wraps_within_its_segment") {
    exit_fixture f;
    auto& c = f.v.context;
    c.rdi = 0x7fff;
    c.rdi |= 0xabcd0000;
    c.rcx = 0x00010001; // cx is 1
    CHECK(hv::handle_io(f.v, rep_ins(1, 2)).what == kind::skip);
    CHECK(c.rdi == 0xabcd8000);
    CHECK(c.rcx == 0x00010000);
}

TEST_CASE("exit_io.ins_to_absent_memory_faults") {
    exit_fixture f;
    f.v.context.rdi = 0x10000000;
    f.v.context.rcx = 1;
    CHECK(is_fault(hv::handle_io(f.v, rep_ins(1))));
}

TEST_CASE("exit_io.a_process_cannot_write_to_its_kernel_through_a_port") {
    exit_fixture f;
    // One table level of 4 MiB pages: the page directory in page 2 maps address 0 for the kernel.
    f.m.at<std::uint32_t>(f.d, 0x2000) = 0x83;
    auto& c = f.v.context;
    c.cr0 = 0x80000001;
    c.cr3 = 0x2000;
    c.cr4 = x86::cr4::pse.raw();
    c.rdi = 0x3000;
    c.rcx = 1;
    c.cpl = 3;
    CHECK(is_fault(hv::handle_io(f.v, rep_ins(1))));
    CHECK(c.rcx == 1);
    c.cpl = 0;
    CHECK(hv::handle_io(f.v, rep_ins(1)).what == kind::skip);
    f.m.at<std::uint32_t>(f.d, 0x2000) = 0x87;
    c.rcx = 1;
    c.cpl = 3;
    CHECK(hv::handle_io(f.v, rep_ins(1)).what == kind::skip);
}

TEST_CASE("exit_io.the_debug_port_prints_whole_lines") {
    exit_fixture f;
    f.m.hv->guest_console = true;
    auto out = in_from(0xe9, 1);
    out.is_in = false;
    for (char const c : std::string_view("a\x1b[31mb\n")) {
        f.v.context.rax = static_cast<std::uint8_t>(c);
        CHECK(hv::handle_io(f.v, out).what == kind::skip);
    }
    CHECK(f.m.cpu.console() == "(d1) a[31mb\n");
    for (unsigned i = 0; i < 1000; ++i) { // no newline: the line has an end all the same
        f.v.context.rax = 'x';
        CHECK(hv::handle_io(f.v, out).what == kind::skip);
    }
    CHECK(f.d.console_line.used <= f.d.console_line.text.size());
}
