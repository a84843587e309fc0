// SPDX-License-Identifier: Apache-2.0
// Domain 0's end of the two-level event channels: the bits in its shared info page.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/base/atomic.hpp>
#include <xenpp/link/layout.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace xenpp::transport {

/// A view of the page. The hypervisor sets pending bits, we mask and clear them.
class evtchn_bits {
public:
    static constexpr std::uint32_t port_count = 4096;

    explicit evtchn_bits(std::byte* window) noexcept
        : page_(*reinterpret_cast<abi::shared_info*>(window + link::shared_info_offset)) {}

    void mask(std::uint32_t port) noexcept {
        atomic_fetch_or(page_.evtchn_mask[word(port)], bit(port));
    }

    /// True: an event is pending, and nobody was told, for it came while the port was masked.
    bool unmask(std::uint32_t port) noexcept {
        atomic_fetch_and(page_.evtchn_mask[word(port)], ~bit(port));
        return (atomic_load(page_.evtchn_pending[word(port)]) & bit(port)) != 0;
    }

    /// Whether an event was pending; it is not any more.
    bool take(std::uint32_t port) noexcept {
        return (atomic_fetch_and(page_.evtchn_pending[word(port)], ~bit(port)) & bit(port)) != 0;
    }

    /// Calls `with(port)` for each port that is pending and not masked, as an upcall would.
    template <class With>
    void for_each_pending(With with) noexcept {
        auto& info = page_.vcpu_info[0];
        atomic_exchange(info.evtchn_upcall_pending, 0);
        for (auto words = atomic_exchange(info.evtchn_pending_sel, 0); words != 0;
             words &= words - 1) {
            auto const w = static_cast<std::uint32_t>(std::countr_zero(words));
            auto ports = atomic_load(page_.evtchn_pending[w]) & ~atomic_load(page_.evtchn_mask[w]);
            for (; ports != 0; ports &= ports - 1) {
                with(w * 64 + static_cast<std::uint32_t>(std::countr_zero(ports)));
            }
        }
    }

private:
    static constexpr std::size_t word(std::uint32_t port) noexcept { return (port / 64) % 64; }

    static constexpr std::uint64_t bit(std::uint32_t port) noexcept {
        return std::uint64_t{1} << (port % 64);
    }

    abi::shared_info& page_;
};

} // namespace xenpp::transport
