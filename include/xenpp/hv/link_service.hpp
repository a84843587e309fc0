// SPDX-License-Identifier: Apache-2.0
// The machine link's end in the hypervisor: domain 0's hypercalls come in here.
#pragma once

#include <xenpp/hv/grant_mapping.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/link_mappings.hpp>
#include <xenpp/hv/link_rings.hpp>
#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/translated_code.hpp>
#include <xenpp/link/layout.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace xenpp::hv {

/// Unmaps a grant that the control domain has mapped as a device would. Its vCPU never runs,
/// so no translation lingers and both halves go through at once.
template <class P>
void end_control_grant(vcpu<P>& v, std::uint32_t handle, mfn f) noexcept {
    abi::gnttab_unmap_grant_ref op{};
    op.handle = handle;
    op.dev_bus_addr = to_maddr(f).raw();
    if (begin_unmap(v, op).is_leaving) {
        static_cast<void>(finish_unmap(v, handle));
    }
}

/// Where the pages of mappings come from, and how their frames go back (`MappingBacking`).
template <class P>
class link_frames {
public:
    explicit link_frames(hypervisor<P>& hv) noexcept : hv_(hv) {}

    expected<std::byte*, errc> allocate_page() noexcept {
        return hv_.platform.map(XENPP_TRY(hv_.frames.allocate(0, domid_xen, page_use::hypervisor)));
    }

    void free_page(std::byte* p) noexcept { hv_.frames.free(hv_.frames.frame_of(p), 0); }

    void drop_frames(domid d, mfn first, std::uint32_t count, bool writable) noexcept {
        auto const owner = find_domain(hv_, d); // it exists as long as it has frames
        bool const touch = writable && has_run(d);
        bool const typed = writable && owner && owner->kind == domain_kind::pv;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (touch) {
                touch_page(hv_.platform.map(first + i));
            }
            if (typed) {
                pv::put_writable(hv_, *owner, first + i);
            } else {
                put_frame(hv_, first + i);
            }
        }
    }

    void drop_grant(domid d, std::uint32_t handle, mfn f, bool writable) noexcept {
        if (writable && has_run(d)) {
            touch_page(hv_.platform.map(f));
        }
        end_control_grant(*hv_.control->vcpus[0], handle, f);
    }

private:
    /// Whether code of the domain may have been executed (and translated, by an emulator).
    bool has_run(domid id) noexcept {
        auto const d = find_domain(hv_, id);
        if (!d) {
            return false;
        }
        for (unsigned i = 0; i < d->max_vcpus; ++i) {
            auto* const v = d->vcpus[i];
            if (v != nullptr &&
                (atomic_load(v->running) || v->runstate.time[abi::runstate_running] != 0)) {
                return true;
            }
        }
        return false;
    }

    /// Makes an emulator drop what it translated from the page.
    static void touch_page(std::byte* page) noexcept {
        auto* const words = reinterpret_cast<std::uint64_t*>(page);
        for (std::size_t i = 0; i < page_size / sizeof *words; ++i) {
            touch_code(words[i]);
        }
    }

    hypervisor<P>& hv_;
};

/// What the rings call (`LinkCalls`), and what each slot holds.
template <class P>
class link_calls {
public:
    using mappings = link_mappings<link_frames<P>>;

    explicit link_calls(hypervisor<P>& hv) noexcept
        : hv_(hv)
        , frames_(hv)
        , mappings_(make(frames_, std::make_index_sequence<link::slot_count>())) {}

    hypercall_result call(unsigned, std::uint64_t number, hypercall_args& args) noexcept {
        if (number > std::numeric_limits<unsigned>::max()) {
            return unexpected(errc::nosys);
        }
        return dispatch_hypercall(*hv_.control->vcpus[0], static_cast<unsigned>(number), args);
    }

    bool release(unsigned slot) noexcept { return mappings_[slot].remove_all(); }

    void notify() noexcept { hv_.platform.notify_control(); }

    std::byte* page(std::uint64_t offset) noexcept {
        return hv_.platform.map(to_mfn(hv_.window.machine_base + offset)) + offset % page_size;
    }

    mappings& of(unsigned slot) noexcept { return mappings_[slot]; }

private:
    template <std::size_t... Slot>
    static std::array<mappings, sizeof...(Slot)> make(link_frames<P>& frames,
                                                      std::index_sequence<Slot...>) noexcept {
        return {{(static_cast<void>(Slot), mappings(frames))...}};
    }

    hypervisor<P>& hv_;
    link_frames<P> frames_;
    std::array<mappings, link::slot_count> mappings_;
};

/// Serves the rings in `hypervisor::window`. Wants `hv.window` set, and `hv.control` with its vCPU
/// before the first pump. `hypervisor::link` points to it, for `link_op`.
///
/// A CPU pumps when its bell rings and whenever `has_work()`; while pump returns true there is more
/// to do, which may be done after others had their turn. Members are those of `link_rings`.
template <class P>
class link_service {
public:
    using mappings = typename link_calls<P>::mappings;
    static constexpr unsigned no_slot = link_rings<link_calls<P>>::no_slot;

    explicit link_service(hypervisor<P>& hv) noexcept : hv_(hv), calls_(hv), rings_(calls_) {
        hv.link = this;
        hv.events_polled = &rings_.header().events_polled;
    }

    link_service(link_service const&) = delete;
    link_service& operator=(link_service const&) = delete;

    ~link_service() {
        hv_.link = nullptr;
        hv_.events_polled = nullptr;
    }

    bool pump(unsigned budget) noexcept { return rings_.pump(budget); }

    bool has_work() noexcept { return rings_.has_work(); }

    void set_polling(bool polling) noexcept { rings_.set_polling(polling); }

    void set_state(link::hv_state s) noexcept { rings_.set_state(s); }

    link::link_header& header() noexcept { return rings_.header(); }

    /// The slot whose hypercall is being carried out, or `no_slot`.
    unsigned current() const noexcept { return rings_.current(); }

    /// What `slot` holds.
    mappings& of(unsigned slot) noexcept { return calls_.of(slot); }

private:
    hypervisor<P>& hv_;
    link_calls<P> calls_;
    link_rings<link_calls<P>> rings_;
};

} // namespace xenpp::hv
