// SPDX-License-Identifier: Apache-2.0
// Guest code that an emulator has translated, and how it is made to translate it again.
//
// TCG drops a translation when the code is written, but before version 8.1 of QEMU (its commit
// deba78709a) not one that a CPU is just making: with the bytes of before it stays, until the next
// write to them. A kernel that changes its code under a breakpoint can so meet for ever one that
// its memory no longer has. tests/machine/patch shows it.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/guest_access.hpp>

#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

/// Stores a word over itself. The guest may be writing meanwhile: only a compare-exchange leaves
/// its stores alone.
inline void touch_code(std::uint64_t& word) noexcept {
    auto seen = atomic_load(word, order::relaxed);
    atomic_compare_exchange(word, seen, seen);
}

/// Makes the emulator translate anew what the vCPU, which is on its CPU, executes at the linear
/// address `at`. False: the vCPU cannot read there.
template <class P>
bool touch_code_at(vcpu<P>& v, std::uint64_t at, detail::guest_rights rights) noexcept {
    auto const touch = [](std::byte* code, std::size_t, std::size_t) {
        auto const word = reinterpret_cast<std::uintptr_t>(code) & ~std::uintptr_t{7};
        touch_code(*reinterpret_cast<std::uint64_t*>(word));
    };
    return detail::for_guest_range(v, at, 1, false, touch, rights).has_value();
}

/// The vCPU of a PV domain has met an INT3 at `at`. True: memory has something else, which it will
/// execute the next time. (Half of an INT n of vector 3 is something else too: time is lost then.)
template <class P>
bool renew_breakpoint(vcpu<P>& v, std::uint64_t at) noexcept {
    constexpr std::uint8_t int3 = 0xcc;
    std::uint8_t code = 0;
    return copy_from_guest(v, &code, at, sizeof code) && code != int3 &&
           touch_code_at(v, at, detail::guest_rights::kernel);
}

} // namespace xenpp::hv
