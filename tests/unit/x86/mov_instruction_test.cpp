// SPDX-License-Identifier: Apache-2.0
// decode_mov: the encodings that compilers emit for device registers, checked by hand against APM3.
#include <xenpp/x86/mov_instruction.hpp>

#include <array>
#include <cstdint>
#include <initializer_list>

using namespace xenpp;

namespace {

constexpr std::optional<x86::mov_instruction> decode(std::initializer_list<int> bytes,
                                                     bool long_mode = true) {
    std::array<std::uint8_t, 15> b{};
    std::size_t n = 0;
    for (int const x : bytes) {
        b[n++] = static_cast<std::uint8_t>(x);
    }
    return x86::decode_mov(b, long_mode);
}

} // namespace

TEST_CASE("decode_mov.load_32_from_rip_relative") {
    auto const m = decode({0x8b, 0x05, 1, 2, 3, 4}); // mov 0x04030201(%rip), %eax
    REQUIRE(m);
    CHECK_FALSE(m->is_store);
    CHECK(m->size == 4);
    CHECK(m->reg == 0);
    CHECK(m->length == 6);
}

TEST_CASE("decode_mov.load_with_sib_and_displacement") {
    auto const m = decode({0x44, 0x8b, 0x84, 0x88, 0x20, 0, 0, 0}); // mov 0x20(%rax,%rcx,4), %r8d
    REQUIRE(m);
    CHECK(m->reg == 8);
    CHECK(m->length == 8);
    auto const n = decode({0x8b, 0x04, 0x25, 0x20, 0, 0xe0, 0xfe}); // mov 0xfee00020, %eax
    REQUIRE(n);
    CHECK(n->length == 7);
}

TEST_CASE("decode_mov.store_register_and_immediate") {
    auto const m = decode({0x89, 0x17}); // mov %edx, (%rdi)
    REQUIRE(m);
    CHECK(m->is_store);
    CHECK(m->reg == 2);
    CHECK(m->length == 2);
    auto const i =
        decode({0xc7, 0x40, 0x10, 0x78, 0x56, 0x34, 0x12}); // movl $0x12345678, 0x10(%rax)
    REQUIRE(i);
    CHECK(i->is_immediate);
    CHECK(i->immediate == 0x12345678);
    CHECK(i->length == 7);
    auto const q = decode({0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff}); // movq $-1, (%rax)
    REQUIRE(q);
    CHECK(q->size == 8);
    CHECK(q->immediate == ~std::uint64_t{0});
}

TEST_CASE("decode_mov.widths_and_extensions") {
    auto const w = decode({0x66, 0x89, 0x07}); // mov %ax, (%rdi)
    REQUIRE(w);
    CHECK(w->size == 2);
    auto const z = decode({0x0f, 0xb6, 0x07}); // movzbl (%rdi), %eax
    REQUIRE(z);
    CHECK(z->size == 1);
    CHECK(z->register_size == 4);
    CHECK_FALSE(z->sign_extend);
    auto const s = decode({0x48, 0x0f, 0xbf, 0x07}); // movswq (%rdi), %rax
    REQUIRE(s);
    CHECK(s->size == 2);
    CHECK(s->register_size == 8);
    CHECK(s->sign_extend);
    auto const h = decode({0x88, 0x27}); // mov %ah, (%rdi)
    REQUIRE(h);
    CHECK(h->high_byte);
    CHECK(h->reg == 0);
    auto const r = decode({0x40, 0x88, 0x27}); // mov %spl, (%rdi)
    REQUIRE(r);
    CHECK_FALSE(r->high_byte);
    CHECK(r->reg == 4);
}

TEST_CASE("decode_mov.refuses_the_rest") {
    CHECK_FALSE(decode({0x8b, 0xc1}));       // register to register
    CHECK_FALSE(decode({0x01, 0x07}));       // add
    CHECK_FALSE(decode({0xf3, 0xa4}));       // rep movsb
    CHECK_FALSE(decode({0x0f, 0x10, 0x07})); // movups
}
