// SPDX-License-Identifier: Apache-2.0
// Writes to CR0 and CR4 that touch bits the hypervisor owns; with SVM the guest makes them itself.
#pragma once

#include <xenpp/hv/exit_action.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/vmx/layout.hpp>
#include <xenpp/x86/vmx_exit.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::vmx {

namespace detail {

/// Whether MOV to CR0 takes `wanted` in the state of `c` (SDM2, MOV to control registers).
constexpr bool cr0_is_valid(guest_context const& c, std::uint64_t wanted) noexcept {
    using namespace x86;
    cr0::value const now(c.cr0);
    cr0::value const then(wanted);
    cr4::value const r4(c.cr4);
    bool const enters_long =
        then.has(cr0::pg) && !now.has(cr0::pg) && efer::value(c.efer).has(efer::lme);
    return (wanted >> 32) == 0 && !(then.has(cr0::pg) && !then.has(cr0::pe)) &&
           !(then.has(cr0::nw) && !then.has(cr0::cd)) &&
           !(enters_long && (!r4.has(cr4::pae) || c.long_code)) &&
           !(!then.has(cr0::pg) && (c.long_code || r4.has(cr4::pcide)));
}

/// PAE paging begins with the four entries that CR3 points to in the processor. False: #GP.
template <class Cpu, class P>
bool load_pae_roots(vcpu<P>& v) noexcept {
    auto const b = vmcs_of<Cpu>(v);
    std::uint64_t const at = b.read(x86::vmcs::guest_cr3) & x86::cr3::address_mask_pae.raw();
    auto const page = get_page(v.dom, to_gfn(gpa(at)), false);
    if (!page) {
        return false;
    }
    std::array<std::uint64_t, 4> roots{};
    std::memcpy(roots.data(), (*page).map() + (at & (page_size - 1)), sizeof roots);
    constexpr std::uint64_t reserved = 0xfff0'0000'0000'01e6;
    for (auto const r : roots) {
        if ((r & 1) != 0 && (r & reserved) != 0) {
            return false;
        }
    }
    b.write(x86::vmcs::guest_pdpte0, roots[0]);
    b.write(x86::vmcs::guest_pdpte1, roots[1]);
    b.write(x86::vmcs::guest_pdpte2, roots[2]);
    b.write(x86::vmcs::guest_pdpte3, roots[3]);
    return true;
}

template <class Cpu, class P>
exit_action write_cr0(vcpu<P>& v, std::uint64_t wanted) noexcept {
    using namespace x86;
    if (!cr0_is_valid(v.context, wanted)) {
        return exit_action::inject(exception::general_protection, 0);
    }
    auto const b = vmcs_of<Cpu>(v);
    bool const is_paged = cr0::value(wanted).has(cr0::pg);
    bool const was_paged = cr0::value(v.context.cr0).has(cr0::pg);
    bool const is_pae = is_paged && cr4::value(v.context.cr4).has(cr4::pae) &&
                        !efer::value(v.context.efer).has(efer::lme);
    if (is_pae && !was_paged && !load_pae_roots<Cpu>(v)) {
        return exit_action::inject(exception::general_protection, 0);
    }
    set_cr0(b, wanted);
    if (is_paged != was_paged) {
        vmx::set_efer(b, v.context.efer, is_paged);
    }
    return exit_action::skip();
}

} // namespace detail

/// MOV to CR0 or CR4; nothing else exits. CR4 exits only by bits that CPUID does not offer.
template <class Cpu, class P>
exit_action handle_cr_access(vcpu<P>& v, std::uint64_t qualification) noexcept {
    auto const access = x86::decode_vmx_cr(qualification);
    if (!access || !access->is_write || (access->number != 0 && access->number != 4)) {
        return exit_action::crash("a control register access that was not asked for");
    }
    std::uint64_t value = v.context.reg(access->gpr);
    if (!v.context.long_code) {
        value &= 0xffffffff;
    }
    return access->number == 0 ? detail::write_cr0<Cpu>(v, value)
                               : exit_action::inject(x86::exception::general_protection, 0);
}

} // namespace xenpp::hv::vmx
