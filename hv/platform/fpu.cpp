// SPDX-License-Identifier: Apache-2.0
// XSAVE where there is one, else FXSAVE; all components that the processor has.
#include "platform/fpu.hpp"

#include "platform/cpu.hpp"

#include <xenpp/x86/control_register.hpp>

namespace xenpp::image {

namespace {

std::uint64_t host_xcr0 = 0; ///< every component that the processor has and we switch
unsigned area_order = 0;
bool xsave = false;
bool keeps_pointers = false; ///< see forget_pointers

/// Processors without RstrFpErrPtrs restore the addresses of the last x87 instruction and of its
/// operand only where an exception is pending: others' would stay to be seen. An instruction of our
/// own takes their place. (Xen: XSA-52.)
void forget_pointers() noexcept {
    static std::int32_t const nothing = 0;
    asm volatile("fnclex\n\tffree %%st(7)\n\tfildl %0" ::"m"(nothing));
}

} // namespace

void fpu_init() noexcept {
    xsave = (cpuid(1).c >> 26 & 1) != 0;
    keeps_pointers = (cpuid(0x80000008).b >> 2 & 1) == 0;
    if (xsave) {
        auto const leaf = cpuid(0xd);
        host_xcr0 = (std::uint64_t{leaf.d} << 32) | leaf.a;
        while ((page_size << area_order) < leaf.c) {
            ++area_order;
        }
    }
}

void fpu_init_cpu(percpu& here) noexcept {
    auto cr4 = x86::cr4::value(read_cr4()) | x86::cr4::osfxsr | x86::cr4::osxmmexcpt;
    if (xsave) {
        cr4 |= x86::cr4::osxsave;
    }
    write_cr4(cr4.raw());
    here.cr4 = cr4.raw();
    write_cr0((x86::cr0::value(read_cr0()).without(x86::cr0::em | x86::cr0::ts) | x86::cr0::mp |
               x86::cr0::ne)
                  .raw());
}

bool has_xsave() noexcept {
    return xsave;
}

unsigned fpu_area_order() noexcept {
    return area_order;
}

void save_fpu(std::byte* area) noexcept {
    if (xsave) {
        write_xcr0(host_xcr0);
        asm volatile("xsave64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(host_xcr0)),
                     "d"(static_cast<std::uint32_t>(host_xcr0 >> 32))
                     : "memory");
    } else {
        asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
    }
}

void load_fpu(std::byte const* area, std::uint64_t guest_xcr0) noexcept {
    if (keeps_pointers) {
        forget_pointers();
    }
    if (xsave) {
        write_xcr0(host_xcr0);
        asm volatile("xrstor64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(host_xcr0)),
                     "d"(static_cast<std::uint32_t>(host_xcr0 >> 32))
                     : "memory");
        write_xcr0(guest_xcr0);
    } else {
        asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
    }
}

} // namespace xenpp::image
