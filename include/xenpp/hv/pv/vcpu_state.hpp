// SPDX-License-Identifier: Apache-2.0
// What a PV vCPU has beside its general registers: mode, entry points, tables, bases, roots.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/pv/cpuid_answers.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/cpuid.hpp>
#include <xenpp/x86/msr.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace xenpp::hv::pv {

/// Where a guest's kernel is entered. Address 0: not registered.
struct entry_point {
    std::uint64_t address = 0;
    bool masks_events = false; ///< enter with events masked
};

/// How many pages of a GDT are the guest's; the hypervisor's own entries follow.
inline constexpr unsigned guest_gdt_frames = abi::first_reserved_gdt_page;
inline constexpr unsigned ldt_frame_limit = 16;
inline constexpr unsigned trap_vectors = 256;

/// In a frame of its own, from vcpu_create to the vCPU's end. Changed by the vCPU itself, or while
/// it is down. `v.context` holds its registers and `context.cr3` the machine address of its
/// kernel's root; the bases stand in the processor while it is loaded, see Platform::pv_base.
struct vcpu_state {
    // --- what every entry looks at ---
    /// The guest's kernel runs, not a process: both are in ring 3. `context.cpl` says the same.
    bool in_kernel = true;
    bool in_nmi = false;        ///< its NMI callback was entered; until iret no other comes
    bool task_switched = false; ///< CR0.TS: the guest wants #NM at the next use of the FPU
    std::uint8_t iopl = 0;      ///< PHYSDEVOP_set_iopl
    std::uint16_t kernel_ss = 0;
    std::uint64_t kernel_sp = 0;     ///< stack_switch: where a process's exceptions are pushed
    abi::trap_info* traps = nullptr; ///< a frame: one entry a vector, address 0 where there is none
    entry_point event;
    entry_point syscall;
    entry_point syscall32;
    entry_point failsafe;
    entry_point nmi;
    mfn user_root{}; ///< the L4 of the process, type-counted; frame 0: none

    // --- what a switch of vCPUs looks at ---
    std::uint16_t ds = 0, es = 0, fs = 0, gs = 0; ///< selectors, while it is not loaded
    std::uint64_t fs_base = 0;                    ///< likewise
    std::uint64_t gs_base_kernel = 0;
    std::uint64_t gs_base_user = 0;
    std::array<mfn, guest_gdt_frames> gdt_frames{}; ///< type-counted, the first `gdt_pages()`
    std::uint32_t gdt_entries = 0;
    std::uint64_t ldt_base = 0;
    std::uint32_t ldt_entries = 0;
    std::array<mfn, ldt_frame_limit> ldt_frames{}; ///< type-counted; frame 0: none there
    std::array<std::uint64_t, 4> dr{};
    std::uint64_t dr6 = x86::dr6::reset.raw();
    std::uint64_t dr7 = x86::dr7::reset.raw();
    std::byte* fpu = nullptr; ///< XSAVE area, standard form
    unsigned fpu_order = 0;
    std::uint64_t io_ports = 0; ///< PHYSDEVOP_set_iobitmap: guest address, 0: none
    std::uint32_t io_port_count = 0;
    cpuid_answers cpuid;
    mfn root_before{};    ///< the kernel's root before the last change, a number only
    unsigned returns = 0; ///< how many changes in a row went back to the root before

    unsigned gdt_pages() const noexcept { return (gdt_entries + 511) / 512; }
};

static_assert(sizeof(vcpu_state) <= page_size);

template <class P>
[[gnu::always_inline]] inline vcpu_state& state_of(vcpu<P>& v) noexcept {
    return *static_cast<vcpu_state*>(v.arch);
}

template <class P>
[[gnu::always_inline]] inline vcpu_state const& state_of(vcpu<P> const& v) noexcept {
    return *static_cast<vcpu_state const*>(v.arch);
}

/// The L4 of the guest's kernel; frame 0: none.
template <class P>
mfn kernel_root(vcpu<P> const& v) noexcept {
    return to_mfn(maddr(v.context.cr3));
}

template <class P>
std::uint64_t root_in_use(vcpu<P> const& v) noexcept {
    auto const& s = state_of(v);
    return s.in_kernel ? v.context.cr3 : to_maddr(s.user_root).raw();
}

/// What CR0 reads as to a PV guest (TS apart), and CR4 before the guest writes it.
inline constexpr x86::cr0::value guest_cr0 = x86::cr0::pe | x86::cr0::mp | x86::cr0::et |
                                             x86::cr0::ne | x86::cr0::wp | x86::cr0::am |
                                             x86::cr0::pg;
inline constexpr x86::cr4::value initial_cr4 =
    x86::cr4::pae | x86::cr4::mce | x86::cr4::osfxsr | x86::cr4::osxmmexcpt;
static_assert(guest_cr0.raw() == 0x80050033 && initial_cr4.raw() == 0x660);

namespace detail {

/// Pages, as a power of two, that hold the processor's whole FPU state.
inline unsigned fpu_area_order(cpuid_policy const& host) noexcept {
    auto const size = host.get(x86::cpuid::leaf_xstate, 0).c;
    unsigned order = 0;
    while ((page_size << order) < size) {
        ++order;
    }
    return order;
}

} // namespace detail

/// The FPU as FNINIT and a cleared SSE leave it: nothing but the two control words.
inline void reset_fpu(vcpu_state& s) noexcept {
    constexpr std::size_t control_at = 0, mxcsr_at = 24, header_at = 512;
    std::memset(s.fpu, 0, header_at + 64);
    std::uint16_t const control = 0x37f;
    std::uint32_t const mxcsr = 0x1f80;
    std::uint64_t const components = 3;
    std::memcpy(s.fpu + control_at, &control, sizeof control);
    std::memcpy(s.fpu + mxcsr_at, &mxcsr, sizeof mxcsr);
    std::memcpy(s.fpu + header_at, &components, sizeof components);
}

/// Gives back what `create_state` took; what the state refers to must have been released.
template <class P>
void destroy_state(vcpu<P>& v) noexcept {
    auto* const s = static_cast<vcpu_state*>(v.arch);
    if (s == nullptr) {
        return;
    }
    auto& frames = v.dom.hv.frames;
    if (s->traps != nullptr) {
        frames.free_later(frames.frame_of(s->traps), 0);
    }
    if (s->fpu != nullptr) {
        frames.free_later(frames.frame_of(s->fpu), s->fpu_order);
    }
    frames.destroy(s);
    v.arch = nullptr;
}

/// Gives a new PV vCPU its state: kernel mode, nothing registered, no tables. `nomem`.
template <class P>
expected<void, errc> create_state(vcpu<P>& v) noexcept {
    static_assert(sizeof(abi::trap_info) * trap_vectors == page_size);
    auto& hv = v.dom.hv;
    auto* const s = XENPP_TRY(hv.frames.template create<vcpu_state>());
    v.arch = s;
    auto const order = detail::fpu_area_order(hv.host_cpuid);
    auto const traps = hv.frames.allocate(0, domid_xen, page_use::hypervisor);
    auto const fpu = hv.frames.allocate(order, domid_xen, page_use::hypervisor);
    if (traps) {
        s->traps = reinterpret_cast<abi::trap_info*>(hv.platform.map(*traps));
    }
    if (fpu) {
        s->fpu = hv.platform.map(*fpu);
        s->fpu_order = order;
    }
    if (!traps || !fpu) {
        destroy_state(v);
        return unexpected(errc::nomem);
    }
    reset_fpu(*s);
    auto& c = v.context;
    c.cr0 = guest_cr0.raw();
    c.cr4 = initial_cr4.raw();
    c.efer = (x86::efer::sce | x86::efer::lme | x86::efer::lma | x86::efer::nxe).raw();
    c.long_code = true;
    return {};
}

} // namespace xenpp::hv::pv
