// SPDX-License-Identifier: Apache-2.0
// Stores to memory: what is decoded, and that the results are the processor's own.
#include <xenpp/x86/store_instruction.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

using namespace xenpp::x86;
using kind = store_instruction::kind;

namespace {

std::optional<store_instruction> decode(std::vector<std::uint8_t> const& bytes) {
    std::array<std::uint8_t, 15> padded{};
    std::copy(bytes.begin(), bytes.end(), padded.begin());
    return decode_store(padded);
}

/// Executes the instruction on this processor; `flags` in and out.
template <class T>
T execute(kind what, T memory, T operand, T& accumulator, std::uint64_t& flags) {
#define XENPP_EXECUTE(instruction)                                                                 \
    /* Flags are pushed below the red zone, where the compiler may keep variables. */              \
    asm volatile("lea -128(%%rsp), %%rsp\n push %[f]\n popf\n" instruction " %[o], (%[m])\n"       \
                 "pushf\n pop %[f]\n lea 128(%%rsp), %%rsp"                                        \
                 : [f] "+r"(flags), "+a"(accumulator)                                              \
                 : [o] "r"(operand), [m] "r"(&memory)                                              \
                 : "cc", "memory")
    switch (what) {
    case kind::bit_and: XENPP_EXECUTE("and"); break;
    case kind::bit_or: XENPP_EXECUTE("or"); break;
    case kind::bit_xor: XENPP_EXECUTE("xor"); break;
    case kind::cmpxchg: XENPP_EXECUTE("cmpxchg"); break;
    default: memory = operand; break;
    }
#undef XENPP_EXECUTE
    return memory;
}

template <class T>
void compare(kind what, T memory, T operand, T accumulator) {
    store_instruction s;
    s.what = what;
    s.size = sizeof(T);
    auto const got = compute_store(s, memory, operand, accumulator, 2);
    std::uint64_t flags = 2;
    auto const expected = execute<T>(what, memory, operand, accumulator, flags);
    // AF is undefined after the logical ones.
    auto const looked_at = what == kind::cmpxchg ? 0x8d5U : 0x8c5U;
    CAPTURE(static_cast<int>(what), std::uint64_t{memory}, std::uint64_t{operand});
    CHECK(got.memory == expected);
    CHECK((got.flags & looked_at) == (flags & looked_at));
}

} // namespace

TEST_CASE("store_instruction.decodes_what_kernels_write_tables_with") {
    auto const mov = decode({0x48, 0x89, 0x07});
    REQUIRE(mov);
    CHECK(mov->what == kind::mov);
    CHECK(mov->size == 8);
    CHECK(mov->reg == 0);
    CHECK(mov->length == 3);
    auto const immediate = decode({0x48, 0xc7, 0x44, 0x24, 0x08, 0xff, 0xff, 0xff, 0xff});
    REQUIRE(immediate);
    CHECK(immediate->is_immediate);
    CHECK(immediate->immediate == ~std::uint64_t{0});
    CHECK(immediate->length == 9);
    auto const swap = decode({0x4d, 0x87, 0x2c, 0x24});
    REQUIRE(swap);
    CHECK(swap->what == kind::xchg);
    CHECK(swap->reg == 13);
    auto const compare = decode({0xf0, 0x48, 0x0f, 0xb1, 0x15, 1, 2, 3, 4});
    REQUIRE(compare);
    CHECK(compare->what == kind::cmpxchg);
    CHECK(compare->length == 9);
    auto const bit = decode({0xf0, 0x48, 0x0f, 0xba, 0x33, 0x01});
    REQUIRE(bit);
    CHECK(bit->what == kind::reset_bit);
    CHECK(bit->immediate == 1);
    auto const byte = decode({0xf0, 0x80, 0x23, 0xfd});
    REQUIRE(byte);
    CHECK(byte->what == kind::bit_and);
    CHECK(byte->size == 1);
    auto const high = decode({0x88, 0x27}); // mov [rdi], ah
    REQUIRE(high);
    CHECK(high->high_byte);
    CHECK(high->reg == 0);
    auto const half = decode({0x66, 0x81, 0x0f, 0x34, 0x12});
    REQUIRE(half);
    CHECK(half->what == kind::bit_or);
    CHECK(half->immediate == 0x1234);
    CHECK(half->length == 5);
}

TEST_CASE("store_instruction.leaves_alone_what_it_does_not_know") {
    for (auto const& bytes :
         std::vector<std::vector<std::uint8_t>>{{0x48, 0x8b, 0x07},             // a load
                                                {0x48, 0x89, 0xc0},             // no memory
                                                {0x48, 0x81, 0x07, 1, 0, 0, 0}, // add
                                                {0x0f, 0xba, 0x23, 0x01},       // bt
                                                {0x48, 0xc7, 0x4f, 0, 0},       // c7 /1
                                                {0xa4},
                                                {0x66, 0x66, 0x66, 0x66, 0x66},
                                                {}}) {
        CHECK_FALSE(decode(bytes));
    }
}

TEST_CASE("store_instruction.computes_as_the_processor_does") {
    std::mt19937_64 random(7);
    for (unsigned i = 0; i != 2000; ++i) {
        auto const memory = i % 7 == 0 ? 0 : random();
        auto const operand = i % 5 == 0 ? memory : random();
        auto const accumulator = i % 3 == 0 ? memory : random();
        for (auto const what : {kind::bit_and, kind::bit_or, kind::bit_xor, kind::cmpxchg}) {
            compare<std::uint64_t>(what, memory, operand, accumulator);
            compare<std::uint32_t>(what, static_cast<std::uint32_t>(memory),
                                   static_cast<std::uint32_t>(operand),
                                   static_cast<std::uint32_t>(accumulator));
            compare<std::uint16_t>(what, static_cast<std::uint16_t>(memory),
                                   static_cast<std::uint16_t>(operand),
                                   static_cast<std::uint16_t>(accumulator));
        }
    }
    store_instruction s;
    s.size = 8;
    s.what = kind::reset_bit;
    CHECK(compute_store(s, 3, 1, 0, 2).memory == 1);
    CHECK(compute_store(s, 3, 1, 0, 2).flags == 3);
    s.what = kind::complement_bit;
    CHECK(compute_store(s, 3, 65, 0, 3).memory == 1); // modulo the operand's bits
    s.what = kind::set_bit;
    CHECK(compute_store(s, 0, 63, 0, 3).memory == std::uint64_t{1} << 63);
    CHECK(compute_store(s, 0, 63, 0, 3).flags == 2);
}
