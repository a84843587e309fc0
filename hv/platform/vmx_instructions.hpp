// SPDX-License-Identifier: Apache-2.0
// VMX's instructions as functions. One that fails here is an error of the hypervisor's.
#pragma once

#include "machine.hpp"

#include <cstdint>

namespace xenpp::image {

/// The VMCS that is current on this CPU (x86::VmcsAccess).
struct vmx_processor {
    [[gnu::always_inline]] static std::uint64_t vmread(std::uint32_t field) noexcept {
        std::uint64_t v;
        asm volatile("vmread %1, %0" : "=r"(v) : "r"(std::uint64_t{field}) : "cc");
        return v;
    }

    [[gnu::always_inline]] static void vmwrite(std::uint32_t field, std::uint64_t v) noexcept {
        asm volatile("vmwrite %0, %1" ::"r"(v), "r"(std::uint64_t{field}) : "cc", "memory");
    }
};

#define XENPP_VMX_REGION(name)                                                                     \
    inline void name(std::uint64_t region_pa) noexcept {                                           \
        bool failed = false;                                                                       \
        asm volatile(#name " %1" : "=@ccna"(failed) : "m"(region_pa) : "memory");                  \
        if (failed) {                                                                              \
            panic(#name " failed");                                                                \
        }                                                                                          \
    }
XENPP_VMX_REGION(vmxon)
XENPP_VMX_REGION(vmclear)
XENPP_VMX_REGION(vmptrld)
#undef XENPP_VMX_REGION

/// What INVEPT and INVVPID take from memory.
struct invalidation {
    std::uint64_t first, second;
};

/// Translations by the tables of one EPT pointer, whatever the VPID.
inline void invept_single(std::uint64_t ept_pointer) noexcept {
    invalidation const what{ept_pointer, 0};
    asm volatile("invept %0, %1" ::"m"(what), "r"(std::uint64_t{1}) : "cc", "memory");
}

/// Translations of every VPID.
inline void invvpid_all() noexcept {
    invalidation const what{0, 0};
    asm volatile("invvpid %0, %1" ::"m"(what), "r"(std::uint64_t{2}) : "cc", "memory");
}

} // namespace xenpp::image
