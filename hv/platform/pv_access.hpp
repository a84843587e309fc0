// SPDX-License-Identifier: Apache-2.0
// Copies by a PV guest's own addresses, on the CPU whose translations are that guest's.
#pragma once

#include "platform/percpu.hpp"

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>

#include <cstddef>

namespace xenpp::image {

/// The same where another CPU wants this one to flush first.
bool pv_copy_after_flush(void* to, void const* from, std::size_t n) noexcept;

/// False: something could not be read or written. guarded.S has the copies; called like this, they
/// cost their caller no registers.
[[gnu::always_inline]] inline bool pv_copy(void* to, void const* from, std::size_t n) noexcept {
    std::uint32_t done = 0;
    if (__builtin_constant_p(n) && n == 8) {
        asm volatile("call pv_copy_8" : "=a"(done) : "D"(to), "S"(from) : "memory", "cc");
    } else if (__builtin_constant_p(n) && n == 4) {
        asm volatile("call pv_copy_4" : "=a"(done) : "D"(to), "S"(from) : "memory", "cc");
    } else {
        asm volatile("call pv_copy"
                     : "=a"(done), "+D"(to), "+S"(from)
                     : "d"(n)
                     : "rcx", "memory", "cc");
    }
    return done != 0;
}

/// Copies between the hypervisor and the vCPU of this CPU. One side is the guest's.
[[gnu::always_inline]] inline bool
pv_copy_guest(void* to, void const* from, std::size_t n) noexcept {
    auto& tlb = *this_percpu().tlb;
    atomic_exchange(tlb.in_guest, 1U); // as pv::enter_guest, but for the flush
    if (atomic_load(tlb.wanted) != 0) [[unlikely]] {
        return pv_copy_after_flush(to, from, n);
    }
    bool const done = pv_copy(to, from, n);
    hv::pv::leave_guest(tlb);
    return done;
}

} // namespace xenpp::image
