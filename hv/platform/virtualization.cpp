// SPDX-License-Identifier: Apache-2.0
// The choice between SVM and VMX, and what of a vCPU is done while it does not run: seldom enough
// to ask for the vendor each time.
#include "platform/virtualization.hpp"

#include "platform/cpu.hpp"
#include "platform/debug_registers.hpp"
#include "platform/svm_vcpu.hpp"
#include "platform/vmx_vcpu.hpp"

namespace xenpp::image {

namespace {

virtualization in_use = virtualization::none;
bool has_rdtscp = false;
bool has_1g_pages = false;

/// Calls `what` with an object of the vendor's.
template <class What>
decltype(auto) with_vendor(What what) noexcept {
    return in_use == virtualization::vmx ? what(vmx{}) : what(svm{});
}

} // namespace

void virtualization_init() noexcept {
    auto& m = machine();
    auto const extended = cpuid(0x80000001);
    has_rdtscp = (extended.d >> 27 & 1) != 0;
    has_1g_pages = (extended.d >> 26 & 1) != 0;
    bool const is_intel = (cpuid(1).c >> 5 & 1) != 0;
    if (char const* const why = is_intel ? vmx_missing() : svm_missing(); why != nullptr) {
        m.has_hvm = false;
        hv::print(m, "No hardware virtualization: ", is_intel ? "VMX cannot be used: no " : "", why,
                  "; HVM and PVH domains cannot run");
        return;
    }
    in_use = is_intel ? virtualization::vmx : virtualization::svm;
    if (!(is_intel ? vmx_init(m) : svm_init(m)) || !virtualization_init_cpu(this_percpu())) {
        panic("no memory for the tables of hardware virtualization");
    }
    hv::print(m, is_intel ? "HVM: VMX enabled, extended page tables in use"
                          : "HVM: SVM enabled, nested paging in use");
    m.has_quiet_eoi = is_intel && vmx_delivers_interrupts();
    if (m.has_quiet_eoi) {
        hv::print(m, "HVM: the processor delivers interrupts to an x2APIC by itself");
    }
}

bool virtualization_init_cpu(percpu& here) noexcept {
    if (in_use == virtualization::none) {
        return true;
    }
    auto const frames = machine().frames.allocate(1, domid_xen, hv::page_use::hypervisor);
    if (!frames) {
        return false;
    }
    if (in_use == virtualization::vmx) {
        vmx_init_cpu(here, *frames);
    } else {
        svm_init_cpu(here, *frames);
    }
    return true;
}

virtualization virtualization_in_use() noexcept {
    return in_use;
}

mm::second_level image_platform::second_level() noexcept {
    return in_use == virtualization::vmx ? vmx_second_level()
                                         : mm::second_level::of<mm::npt>(true, has_1g_pages);
}

expected<void, errc> image_platform::create_vcpu(vcpu& v) noexcept {
    return with_vendor([&](auto vendor) { return vendor.create(v); });
}

void image_platform::destroy_vcpu(vcpu& v) noexcept {
    with_vendor([&](auto vendor) { vendor.destroy(v); });
}

expected<void, errc> image_platform::load_state(vcpu& v, abi::hvm_hw_cpu const& state) noexcept {
    return with_vendor([&](auto vendor) { return vendor.load(v, state); });
}

abi::hvm_hw_cpu image_platform::save_state(vcpu& v) noexcept {
    return with_vendor([&](auto vendor) { return vendor.save(v); });
}

void image_platform::flush_guest_tlb(vcpu& v) noexcept {
    atomic_store(*with_vendor([&](auto vendor) { return vendor.flush_flag(v); }), true);
    full_barrier();
    if (atomic_load(v.running) && v.processor != this_cpu()) {
        kick(v.processor);
    }
}

void image_platform::print_exit(vcpu& v) noexcept {
    with_vendor([&](auto vendor) { vendor.print_exit(v); });
}

void image_platform::load_xcr0(std::uint64_t value) noexcept {
    write_xcr0(value);
}

void image_platform::load_tsc_aux(std::uint64_t value) noexcept {
    if (has_rdtscp) {
        write_msr(x86::msr::ia32_tsc_aux, value);
    }
}

void image_platform::load_debug_registers(std::array<std::uint64_t, 4> const& dr) noexcept {
    write_debug_registers(dr);
}

void image_platform::load_dr6(std::uint64_t value) noexcept {
    write_dr6(value);
}

std::uint64_t image_platform::dr6() noexcept {
    return read_dr6();
}

} // namespace xenpp::image
