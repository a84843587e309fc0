// SPDX-License-Identifier: Apache-2.0
// The console of a domain that no control process serves: what it prints goes to the serial port.
#pragma once

#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/abi/io/console.hpp>
#include <xenpp/hv/event_channel_bind.hpp>
#include <xenpp/hv/first_domain.hpp>
#include <xenpp/hv/guest_console.hpp>
#include <xenpp/hv/print.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <cstdint>

namespace xenpp::hv {

/// Looks at the domain's ring every few milliseconds, until the domain has ended. Must stay where
/// it is while the domain lives.
template <class P>
class first_console {
public:
    static constexpr std::uint64_t period_ns = 5'000'000;

    /// Gives `d`, which has not run, its console. `nomem`.
    expected<void, errc> start(domain<P>& d) noexcept {
        auto& hv = d.hv;
        auto const port = XENPP_TRY(evtchn_alloc_unbound(d, dom0));
        port_ = XENPP_TRY(evtchn_bind_interdomain(*hv.control, d, port));
        d.hvm_params[abi::hvm_param_console_pfn] = detail::first_console_page.raw();
        d.hvm_params[abi::hvm_param_console_evtchn] = port.raw();
        page_ = XENPP_TRY(get_page(d, detail::first_console_page));
        domain_ = find_domain(hv, d.id);
        timer_.owner = this;
        timer_.fire = [](void* self) { static_cast<first_console*>(self)->look(); };
        set_timer(hv, timer_, hv.platform.now_ns() + period_ns);
        return {};
    }

    /// Whether the domain had a console and has ended.
    bool has_ended() const noexcept { return atomic_load(ended_); }

private:
    void look() noexcept {
        auto& d = *domain_;
        // Asked first: what was printed before the end is in the ring.
        bool const ends = d.is_shut_down || d.is_dying();
        if (drain()) {
            (void)!send_port(*d.hv.control, port_); // there is room again
        }
        if (!ends) {
            set_timer(d.hv, timer_, d.hv.platform.now_ns() + period_ns);
            return;
        }
        print(d.hv, "d", d.id, " has ended: ",
              d.shutdown_code == abi::shutdown_poweroff ? "powered off"
              : d.shutdown_code == abi::shutdown_reboot ? "wanted to reboot"
              : d.shutdown_code == abi::shutdown_crash  ? "crashed"
                                                        : "stopped");
        atomic_store(ended_, true);
        all_ended(d.hv);
    }

    /// Prints what is new. False: nothing was.
    bool drain() noexcept {
        auto& ring = *reinterpret_cast<abi::xencons_interface*>(page_.map());
        auto at = atomic_load(ring.out_cons);
        auto const end = atomic_load(ring.out_prod);
        if (at == end || end - at > sizeof ring.out) {
            return false;
        }
        for (; at != end; ++at) {
            guest_line_put(*domain_, ring.out[at % sizeof ring.out]);
        }
        atomic_store(ring.out_cons, at);
        return true;
    }

    /// Without a control process nothing is left to do when the last domain has ended.
    static void all_ended(hypervisor<P>& hv) noexcept {
        for (auto* const d : hv.domains) {
            if (d != nullptr && d != hv.control && !d->is_shut_down) {
                return;
            }
        }
        if (hv.link == nullptr) {
            hv.platform.shutdown_machine(false);
        }
    }

    domain_ref<P> domain_;
    page_ref<P> page_;
    evtchn_port port_{};
    timer timer_;
    bool ended_ = false; ///< atomic
};

} // namespace xenpp::hv
