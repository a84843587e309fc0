// SPDX-License-Identifier: Apache-2.0
// Copies by a PV guest's own addresses, on the CPU whose translations are that guest's. Each gives
// false where something could not be read or written.
#pragma once

#include "platform/cpu.hpp"

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>

#include <cstddef>
#include <cstdint>

namespace xenpp::image {

/// Any number of bytes; guarded.S has the copies. Called like this, they cost their caller no
/// registers.
[[gnu::always_inline]] inline bool pv_copy(void* to, void const* from, std::size_t n) noexcept {
    std::uint32_t done = 0;
    asm volatile("call pv_copy"
                 : "=a"(done), "+D"(to), "+S"(from)
                 : "d"(n)
                 : "rcx", "memory", "cc");
    return done != 0;
}

namespace detail {

// An instruction at `label` may fault: then it goes on at 9, which sets the carry flag and comes
// back to 8. MOV leaves the flag as it is.
#define XENPP_MAY_FAULT(label)                                                                     \
    ".pushsection .fixups, \"a?\"\n\t.quad " label ", 9b\n\t.popsection\n\t"
#define XENPP_ON_FAULT                                                                             \
    "8:\n\t.pushsection .text.unlikely, \"ax?\"\n9:\tstc\n\tjmp 8b\n\t.popsection\n\t"

[[gnu::always_inline]] inline bool load(std::uint32_t& a, std::uint64_t from) noexcept {
    bool faulted;
    asm volatile("clc\n1:\tmovl (%[from]), %[a]\n" XENPP_ON_FAULT XENPP_MAY_FAULT("1b")
                 : "=@ccc"(faulted), [a] "=&r"(a)
                 : [from] "r"(from)
                 : "memory");
    return !faulted;
}

/// The word at `from` + At.
template <int At>
[[gnu::always_inline]] inline bool load(std::uint64_t& a, std::uint64_t from) noexcept {
    bool faulted;
    asm volatile("clc\n1:\tmovq %c[at](%[from]), %[a]\n" XENPP_ON_FAULT XENPP_MAY_FAULT("1b")
                 : "=@ccc"(faulted), [a] "=&r"(a)
                 : [from] "r"(from), [at] "i"(At)
                 : "memory");
    return !faulted;
}

/// Three words from there on.
template <int At>
[[gnu::always_inline]] inline bool
load(std::uint64_t& a, std::uint64_t& b, std::uint64_t& c, std::uint64_t from) noexcept {
    bool faulted;
    asm volatile("clc\n1:\tmovq %c[at](%[from]), %[a]\n2:\tmovq %c[at]+8(%[from]), %[b]\n"
                 "3:\tmovq %c[at]+16(%[from]), %[c]\n" XENPP_ON_FAULT XENPP_MAY_FAULT("1b")
                     XENPP_MAY_FAULT("2b") XENPP_MAY_FAULT("3b")
                 : "=@ccc"(faulted), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c)
                 : [from] "r"(from), [at] "i"(At)
                 : "memory");
    return !faulted;
}

#undef XENPP_MAY_FAULT
#undef XENPP_ON_FAULT

[[gnu::always_inline]] inline bool store(std::uint64_t to, std::uint32_t value) noexcept {
    asm goto("1:\tmovl %[v], (%[to])\n\t"
             ".pushsection .fixups, \"a?\"\n\t.quad 1b, %l[faulted]\n\t.popsection"
             :
             : [v] "r"(value), [to] "r"(to)
             : "memory"
             : faulted);
    return true;
faulted:
    return false;
}

/// The word at `to` + At.
template <int At>
[[gnu::always_inline]] inline bool store(std::uint64_t to, std::uint64_t value) noexcept {
    asm goto("1:\tmovq %[v], %c[at](%[to])\n\t"
             ".pushsection .fixups, \"a?\"\n\t.quad 1b, %l[faulted]\n\t.popsection"
             :
             : [v] "r"(value), [to] "r"(to), [at] "i"(At)
             : "memory"
             : faulted);
    return true;
faulted:
    return false;
}

} // namespace detail

/// An object of N bytes, from byte At on, word by word: what passes through registers anyway stays
/// there.
template <std::size_t N, std::size_t At = 0>
[[gnu::always_inline]] inline bool pv_read_object(std::byte* to, std::uint64_t from) noexcept {
    if constexpr (At == N) {
        return true;
    } else if constexpr (N - At >= 24) {
        std::uint64_t w[3];
        bool const done = detail::load<At>(w[0], w[1], w[2], from);
        __builtin_memcpy(to + At, &w[0], 8);
        __builtin_memcpy(to + At + 8, &w[1], 8);
        __builtin_memcpy(to + At + 16, &w[2], 8);
        return done && pv_read_object<N, At + 24>(to, from);
    } else if constexpr (N - At >= 8) {
        std::uint64_t w;
        bool const done = detail::load<At>(w, from);
        __builtin_memcpy(to + At, &w, 8);
        return done && pv_read_object<N, At + 8>(to, from);
    } else if constexpr (N == 4) {
        std::uint32_t w;
        bool const done = detail::load(w, from);
        __builtin_memcpy(to, &w, 4);
        return done;
    } else {
        return pv_copy(to + At, reinterpret_cast<void const*>(from + At), N - At);
    }
}

template <std::size_t N, std::size_t At = 0>
[[gnu::always_inline]] inline bool pv_write_object(std::uint64_t to,
                                                   std::byte const* from) noexcept {
    if constexpr (At == N) {
        return true;
    } else if constexpr (N - At >= 8) {
        std::uint64_t w;
        __builtin_memcpy(&w, from + At, 8);
        return detail::store<At>(to, w) && pv_write_object<N, At + 8>(to, from);
    } else if constexpr (N == 4) {
        std::uint32_t w;
        __builtin_memcpy(&w, from, 4);
        return detail::store(to, w);
    } else {
        return pv_copy(reinterpret_cast<void*>(to + At), from + At, N - At);
    }
}

/// Consecutive words, three at a time, each to where it is wanted: three of which one faults leave
/// theirs as they were.
template <int At = 0, class... Rest>
[[gnu::always_inline]] inline bool pv_read_words(std::uint64_t from,
                                                 std::uint64_t& a,
                                                 std::uint64_t& b,
                                                 std::uint64_t& c,
                                                 Rest&... rest) noexcept {
    std::uint64_t x, y, z;
    if (!detail::load<At>(x, y, z, from)) [[unlikely]] {
        return false;
    }
    a = x, b = y, c = z;
    if constexpr (sizeof...(rest) != 0) {
        return pv_read_words<At + 24>(from, rest...);
    }
    return true;
}

/// Tells other CPUs that `here` uses guest translations from now on, as pv::enter_guest does. True:
/// one of them wants a flush first.
[[nodiscard, gnu::always_inline]] inline bool mark_in_guest(hv::pv::tlb_cpu& here) noexcept {
    atomic_exchange(here.in_guest, 1U);
    return is_set(here.wanted);
}

/// While it lives, other CPUs know that `here` uses guest translations: pv::enter_guest, but that
/// what it calls to flush first changes no register.
class pv_translations {
public:
    [[gnu::always_inline]] explicit pv_translations(hv::pv::tlb_cpu& here) noexcept : here_(here) {
        if (mark_in_guest(here_)) [[unlikely]] {
            asm volatile("call pv_flush_first" : : : "memory", "cc");
        }
    }

    pv_translations(pv_translations const&) = delete;
    pv_translations& operator=(pv_translations const&) = delete;

    [[gnu::always_inline]] ~pv_translations() { hv::pv::leave_guest(here_); }

private:
    hv::pv::tlb_cpu& here_;
};

} // namespace xenpp::image
