// SPDX-License-Identifier: Apache-2.0
// Records of a saved HVM context: each vCPU's registers, local APIC and memory types.
#pragma once

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/xen_version.hpp>
#include <xenpp/x86/cpuid.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace xenpp::hv {

/// MTRR capabilities that guests see: 8 variable ranges, fixed ranges, write combining.
inline constexpr std::uint64_t guest_mtrr_cap = 0x508;

/// Room for any one record's body.
union hvm_record {
    abi::hvm_save_header header;
    abi::hvm_hw_cpu cpu;
    abi::hvm_hw_lapic lapic;
    abi::hvm_hw_lapic_regs lapic_regs;
    abi::hvm_hw_mtrr mtrr;
};

/// The types of record that exist for each vCPU, in the order of a stream, and their sizes.
struct hvm_record_type {
    std::uint16_t code;
    std::uint32_t size;
};

inline constexpr std::array vcpu_record_types{
    hvm_record_type{abi::hvm_save_code_cpu, sizeof(abi::hvm_hw_cpu)},
    hvm_record_type{abi::hvm_save_code_lapic, sizeof(abi::hvm_hw_lapic)},
    hvm_record_type{abi::hvm_save_code_lapic_regs, sizeof(abi::hvm_hw_lapic_regs)},
    hvm_record_type{abi::hvm_save_code_mtrr, sizeof(abi::hvm_hw_mtrr)},
};

/// The size of a record of this type that is kept, or 0.
constexpr std::uint32_t hvm_record_size(std::uint32_t code) noexcept {
    if (code == abi::hvm_save_code_header) {
        return sizeof(abi::hvm_save_header);
    }
    for (auto const& t : vcpu_record_types) {
        if (t.code == code) {
            return t.size;
        }
    }
    return 0;
}

namespace detail {

inline abi::hvm_hw_lapic save_lapic(vlapic const& l) noexcept {
    abi::hvm_hw_lapic r{};
    r.apic_base_msr = l.base();
    r.disabled = (l.hardware_enabled() ? 0U : 2U) | (l.software_enabled() ? 0U : 1U);
    r.timer_divisor = 1U << l.timer_divide_shift();
    return r;
}

/// Registers lie 16 bytes apart, as in the xAPIC's page.
inline void save_lapic_regs(vlapic const& l, abi::hvm_hw_lapic_regs& to) noexcept {
    std::memset(&to, 0, sizeof to);
    for (unsigned r = 0; r != apic_reg::count; ++r) {
        auto const value = static_cast<std::uint32_t>(
            r == apic_reg::id ? l.id() << (l.is_x2apic() ? 0 : 24) : l.read(r).value_or(0));
        std::memcpy(to.data + 16 * r, &value, sizeof value);
    }
}

inline std::uint32_t saved_register(abi::hvm_hw_lapic_regs const& from, unsigned r) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, from.data + 16 * r, sizeof value);
    return value;
}

inline void load_lapic_regs(vlapic& l, abi::hvm_hw_lapic_regs const& from) noexcept {
    using namespace apic_reg;
    l.reset_registers();
    for (unsigned const r : {tpr, ldr, dfr, svr, esr, lvt_timer, lvt_thermal, lvt_performance,
                             lvt_lint0, lvt_lint1, lvt_error, timer_initial, timer_divide}) {
        l.load_raw(r, saved_register(from, r));
    }
    for (unsigned vector = 16; vector != 256; ++vector) {
        auto const word = vector / 32;
        if (((saved_register(from, isr + word) >> (vector % 32)) & 1) != 0) {
            l.acknowledge(vector);
        }
        if (((saved_register(from, irr + word) >> (vector % 32)) & 1) != 0) {
            l.post(vector);
        }
    }
}

template <class P>
abi::hvm_hw_mtrr save_mtrr(vcpu<P> const& v) noexcept {
    abi::hvm_hw_mtrr r{};
    r.msr_pat_cr = v.pat;
    r.msr_mtrr_cap = guest_mtrr_cap;
    r.msr_mtrr_def_type = v.mtrr.default_type;
    std::memcpy(r.msr_mtrr_var, v.mtrr.variable.data(), sizeof r.msr_mtrr_var);
    std::memcpy(r.msr_mtrr_fixed, v.mtrr.fixed.data(), sizeof r.msr_mtrr_fixed);
    return r;
}

template <class P>
void load_mtrr(vcpu<P>& v, abi::hvm_hw_mtrr const& r) noexcept {
    v.pat = r.msr_pat_cr;
    v.mtrr.default_type = r.msr_mtrr_def_type;
    std::memcpy(v.mtrr.variable.data(), r.msr_mtrr_var, sizeof r.msr_mtrr_var);
    std::memcpy(v.mtrr.fixed.data(), r.msr_mtrr_fixed, sizeof r.msr_mtrr_fixed);
}

/// Each byte of the PAT names one of six memory types (APM2 7.8.1).
constexpr bool is_pat(std::uint64_t pat) noexcept {
    for (unsigned i = 0; i != 8; ++i, pat >>= 8) {
        auto const type = pat & 0xff;
        if (type > 7 || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

} // namespace detail

/// Says what the header record of a saved context must: made by whom, on which processor.
template <class P>
abi::hvm_save_header hvm_header(hypervisor<P>& hv) noexcept {
    abi::hvm_save_header h{};
    h.magic = abi::hvm_file_magic;
    h.version = abi::hvm_file_version;
    h.changeset = ~std::uint64_t{0};
    h.cpuid = hv.host_cpuid.get(x86::cpuid::leaf_features).a;
    h.gtsc_khz = hv.platform.tsc_khz();
    return h;
}

/// The body of record `code` of a vCPU that is not running. False for a type that is not kept.
template <class P>
bool hvm_save_record(vcpu<P>& v, std::uint32_t code, hvm_record& to) noexcept {
    switch (code) {
    case abi::hvm_save_code_cpu: to.cpu = v.dom.hv.platform.save_state(v); return true;
    case abi::hvm_save_code_lapic: to.lapic = detail::save_lapic(v.lapic); return true;
    case abi::hvm_save_code_lapic_regs:
        detail::save_lapic_regs(v.lapic, to.lapic_regs);
        return true;
    case abi::hvm_save_code_mtrr: to.mtrr = detail::save_mtrr(v); return true;
    default: return false;
    }
}

/// Gives a vCPU that is not running the state of a record. The registers bring it up. `inval` for a
/// state that the processor would refuse, or an unknown type.
template <class P>
expected<void, errc>
hvm_load_record(vcpu<P>& v, std::uint32_t code, hvm_record const& from) noexcept {
    switch (code) {
    case abi::hvm_save_code_cpu:
        XENPP_TRY(v.dom.hv.platform.load_state(v, from.cpu));
        v.initialised = true;
        atomic_fetch_and(v.pause, ~std::uint32_t{pause_down});
        vcpu_wake(v);
        return {};
    case abi::hvm_save_code_lapic:
        if ((from.lapic.apic_base_msr & apic_base::x2apic) != 0 &&
            (from.lapic.apic_base_msr & apic_base::enabled) == 0) {
            return unexpected(errc::inval);
        }
        v.lapic.load_base(from.lapic.apic_base_msr);
        return {};
    case abi::hvm_save_code_lapic_regs:
        detail::load_lapic_regs(v.lapic, from.lapic_regs);
        return {};
    case abi::hvm_save_code_mtrr:
        if (!detail::is_pat(from.mtrr.msr_pat_cr)) {
            return unexpected(errc::inval);
        }
        detail::load_mtrr(v, from.mtrr);
        return {};
    default: return unexpected(errc::inval);
    }
}

} // namespace xenpp::hv
