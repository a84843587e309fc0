// SPDX-License-Identifier: Apache-2.0
// IN and OUT: a PVH domain has nothing behind any port but 0xe9.
#include "checks.hpp"

#include <array>
#include <cstdint>

namespace checks {

namespace {

constexpr std::uint16_t absent = 0x1234;
std::array<std::uint8_t, 8192> buffer;

void fill(std::uint8_t v) noexcept {
    for (auto& b : buffer) {
        b = v;
    }
}

bool is_filled(unsigned from, unsigned to, std::uint8_t v) noexcept {
    for (unsigned i = from; i != to; ++i) {
        if (buffer[i] != v) {
            return false;
        }
    }
    return true;
}

constexpr check list[] = {
    {"in.of_a_byte_changes_a_byte",
     [] {
         std::uint64_t a = 0x1122334455667700;
         asm volatile("inb %%dx, %%al" : "+a"(a) : "d"(absent));
         return a == 0x11223344556677ff;
     }},
    {"in.of_a_word_changes_a_word",
     [] {
         std::uint64_t a = 0x1122334455660000;
         asm volatile("inw %%dx, %%ax" : "+a"(a) : "d"(absent));
         return a == 0x112233445566ffff;
     }},
    {"in.of_a_long_clears_the_upper_half",
     [] {
         std::uint64_t a = 0x1122334400000000;
         asm volatile("inl %%dx, %%eax" : "+a"(a) : "d"(absent));
         return a == 0xffffffff;
     }},
    {"in.has_a_form_with_the_port_in_it",
     [] {
         std::uint64_t a = 0;
         asm volatile("inb $0x84, %%al" : "+a"(a));
         return a == 0xff;
     }},
    {"out.goes_on_in_all_sizes",
     [] {
         asm volatile("outb %%al, %%dx; outw %%ax, %%dx; outl %%eax, %%dx; outb %%al, $0x84"
                      :
                      : "a"(0), "d"(absent));
         return true;
     }},
    {"ins.stores_one_element_and_advances",
     [] {
         fill(0);
         auto* at = buffer.data() + 16;
         asm volatile("cld; insw" : "+D"(at) : "d"(absent) : "memory");
         return at == buffer.data() + 18 && is_filled(16, 18, 0xff) && is_filled(0, 16, 0) &&
                is_filled(18, 64, 0);
     }},
    {"ins.repeated_crosses_pages",
     [] {
         fill(0);
         auto* at = buffer.data();
         std::uint64_t n = 1500;
         asm volatile("cld; rep insl" : "+D"(at), "+c"(n) : "d"(absent) : "memory");
         return n == 0 && at == buffer.data() + 6000 && is_filled(0, 6000, 0xff) &&
                is_filled(6000, 8192, 0);
     }},
    {"ins.repeated_0_times_does_nothing",
     [] {
         fill(0);
         auto* at = buffer.data();
         std::uint64_t n = 0;
         asm volatile("cld; rep insb" : "+D"(at), "+c"(n) : "d"(absent) : "memory");
         return n == 0 && at == buffer.data() && is_filled(0, 64, 0);
     }},
    {"ins.runs_backwards",
     [] {
         fill(0);
         auto* at = buffer.data() + 100;
         std::uint64_t n = 10;
         asm volatile("std; rep insb; cld" : "+D"(at), "+c"(n) : "d"(absent) : "memory");
         return n == 0 && at == buffer.data() + 90 && is_filled(91, 101, 0xff) &&
                is_filled(0, 91, 0);
     }},
    {"outs.repeated_advances",
     [] {
         auto const* at = buffer.data();
         std::uint64_t n = 700;
         asm volatile("cld; rep outsw" : "+S"(at), "+c"(n) : "d"(absent) : "memory");
         return n == 0 && at == buffer.data() + 1400;
     }},
};

} // namespace

std::span<check const> ports() noexcept {
    return list;
}

} // namespace checks
