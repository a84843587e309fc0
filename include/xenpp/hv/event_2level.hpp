// SPDX-License-Identifier: Apache-2.0
// The two-level event layout: a bit a port in shared_info, a selector bit a word in vcpu_info.
#pragma once

#include <xenpp/hv/domain.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <cstdint>

namespace xenpp::hv {

/// A port's place in the bitmaps of shared_info.
struct two_level_place {
    std::uint32_t word;
    unsigned bit;

    constexpr explicit two_level_place(evtchn_port port) noexcept
        : word(port.raw() / 64 % (abi::evtchn_2l_nr_channels / 64)), bit(port.raw() % 64) {}
};

/// Sets the selector bit of the port's word; true if the vCPU has now something new to look at.
template <class P>
bool two_level_select(vcpu<P>& v, two_level_place at) noexcept {
    auto* const info = atomic_load(v.info);
    return info != nullptr && !atomic_test_and_set_bit(info->evtchn_pending_sel, at.word);
}

/// Marks `port` pending; true if `v` must get an upcall for it.
template <class P>
bool two_level_set_pending(domain<P>& d, vcpu<P>& v, evtchn_port port) noexcept {
    two_level_place const at(port);
    auto& s = *d.shared_info;
    if (atomic_test_and_set_bit(s.evtchn_pending[at.word], at.bit)) {
        return false;
    }
    bool const masked = ((atomic_load(s.evtchn_mask[at.word], order::seq_cst) >> at.bit) & 1) != 0;
    return !masked && two_level_select(v, at);
}

/// Forgets that `port` is pending.
template <class P>
void two_level_clear_pending(domain<P>& d, evtchn_port port) noexcept {
    two_level_place const at(port);
    atomic_test_and_clear_bit(d.shared_info->evtchn_pending[at.word], at.bit);
}

/// Unmasks `port`; true if `v` must get an upcall for it.
template <class P>
bool two_level_unmask(domain<P>& d, vcpu<P>& v, evtchn_port port) noexcept {
    two_level_place const at(port);
    auto& s = *d.shared_info;
    if (!atomic_test_and_clear_bit(s.evtchn_mask[at.word], at.bit)) {
        return false;
    }
    bool const pending =
        ((atomic_load(s.evtchn_pending[at.word], order::seq_cst) >> at.bit) & 1) != 0;
    return pending && two_level_select(v, at);
}

template <class P>
bool two_level_is_pending(domain<P>& d, evtchn_port port) noexcept {
    two_level_place const at(port);
    return ((atomic_load(d.shared_info->evtchn_pending[at.word]) >> at.bit) & 1) != 0;
}

template <class P>
bool two_level_is_masked(domain<P>& d, evtchn_port port) noexcept {
    two_level_place const at(port);
    return ((atomic_load(d.shared_info->evtchn_mask[at.word]) >> at.bit) & 1) != 0;
}

} // namespace xenpp::hv
