// SPDX-License-Identifier: Apache-2.0
// The PV part of a Platform without processors: a vCPU's state is all there is.
#pragma once

#include <xenpp/hv/pv/vcpu_state.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A base for platform `P` of a simulation or a test. See Platform for the members' meaning.
template <class P>
struct pv_registers_in_memory {
    void pv_load_root(vcpu<P>& /*v*/) noexcept {}

    void pv_load_root_copy(vcpu<P>& /*v*/) noexcept {}

    void pv_write_root_copy(unsigned /*slot*/, std::uint64_t /*entry*/) noexcept {}

    void pv_swap_mode(vcpu<P>& /*v*/) noexcept {}

    void pv_load_tables(vcpu<P>& /*v*/) noexcept {}

    void pv_load_controls(vcpu<P>& /*v*/) noexcept {}

    void pv_load_debug(vcpu<P>& /*v*/) noexcept {}

    void flush_local_tlb() noexcept {}

    void flush_local_page(std::uint64_t /*address*/) noexcept {}

    std::uint64_t pv_base(vcpu<P>& v, pv::segment_base b) noexcept { return base(v, b); }

    void pv_set_base(vcpu<P>& v, pv::segment_base b, std::uint64_t value) noexcept {
        base(v, b) = value;
    }

    void pv_load_user_gs(vcpu<P>& v, std::uint16_t selector) noexcept {
        pv::state_of(v).gs = selector;
    }

private:
    static std::uint64_t& base(vcpu<P>& v, pv::segment_base b) noexcept {
        auto& s = pv::state_of(v);
        switch (b) {
        case pv::segment_base::fs: return s.fs_base;
        case pv::segment_base::gs: return s.in_kernel ? s.gs_base_kernel : s.gs_base_user;
        case pv::segment_base::gs_away: break;
        }
        return s.in_kernel ? s.gs_base_user : s.gs_base_kernel;
    }
};

} // namespace xenpp::hv
