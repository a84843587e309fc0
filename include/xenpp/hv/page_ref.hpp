// SPDX-License-Identifier: Apache-2.0
// References to frames, and the count of frames that each domain owns.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/domain_kind.hpp>
#include <xenpp/hv/page.hpp>
#include <xenpp/hv/platform.hpp>
#include <xenpp/hv/pv/page_list.hpp>
#include <xenpp/hv/pv/page_type.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace xenpp::hv {

template <class P>
struct domain;
template <class P>
class hypervisor;

/// Takes a reference to a frame that a domain has or maps. False for a frame that is free, dying
/// or the hypervisor's own, and for numbers that are no memory.
///
/// A frame number that was read from a p2m in this pass through the run loop stays that frame as
/// long as this succeeds: until the pass ends it cannot have been given to anybody else.
template <class P>
[[nodiscard]] bool get_frame(hypervisor<P>& hv, mfn f) noexcept {
    constexpr std::uint32_t most = 1U << 30; // far from wrapping
    auto* const page = hv.frames.find(f);
    if (page == nullptr) {
        return false;
    }
    auto count = atomic_load(page->count);
    do {
        if (count == 0 || count >= most ||
            (page->use != page_use::guest && page->use != page_use::shared)) {
            return false;
        }
    } while (!atomic_compare_exchange(page->count, count, count + 1));
    return true;
}

/// `n` frames of `d` are on their way back to the allocator. May free `d`, if it is dead.
template <class P>
void domain_pages_freed(domain<P>& d, std::uint64_t n) noexcept {
    bool last = false;
    {
        lock_guard const hold(d.page_lock);
        d.total_pages -= n;
        last = n != 0 && d.total_pages == 0;
    }
    if (last) {
        release_domain(d);
    }
}

namespace detail {

/// The count of `f` has fallen to zero.
template <class P>
void last_reference_gone(hypervisor<P>& hv, mfn f) noexcept {
    auto const& page = hv.frames.info(f);
    auto const d = page.use == page_use::guest ? find_domain(hv, page.owner) : domain_ref<P>();
    if (d && d->kind == domain_kind::pv) {
        pv::unlist_page(*d, f);
    }
    hv.frames.free_later(f, 0);
    if (d) {
        domain_pages_freed(*d, 1);
    }
}

} // namespace detail

/// Gives a reference back; with the last one the frame is freed.
template <class P>
void put_frame(hypervisor<P>& hv, mfn f) noexcept {
    if (atomic_fetch_sub(hv.frames.info(f).count, 1U) == 1) {
        detail::last_reference_gone(hv, f);
    }
}

/// Gives back a reference that was to write (page_ref.hpp: `page_ref::release`) to memory of `d`.
template <class P>
void put_written_frame(domain<P>& d, mfn f) noexcept {
    if (d.kind == domain_kind::pv) {
        pv::put_writable(d.hv, d, f);
    } else {
        put_frame(d.hv, f);
    }
}

/// Gives back one reference to each of the 2^order frames of a block that `d` maps.
template <class P>
void put_block(domain<P>& d, mfn first, unsigned order) noexcept {
    auto& hv = d.hv;
    auto const size = std::uint64_t{1} << order;
    // The common case is an unshared block of the domain's own: it goes back whole.
    std::uint64_t mine = 0;
    for (; mine != size; ++mine) {
        auto& page = hv.frames.info(first + mine);
        std::uint32_t last = 1;
        if (page.use != page_use::guest || page.owner != d.id ||
            !atomic_compare_exchange(page.count, last, 0U)) {
            break;
        }
    }
    if (mine == size) {
        hv.frames.free_later(first, order);
    } else {
        for (std::uint64_t i = 0; i != mine; ++i) {
            hv.frames.free_later(first + i, 0);
        }
        for (std::uint64_t i = mine; i != size; ++i) {
            put_frame(hv, first + i);
        }
    }
    domain_pages_freed(d, mine);
}

/// A block of 2^order frames for `d`, within its limit and its claim, one reference each. Errors:
/// `nomem`, `inval` for a dying domain, `restart` as frame_allocator::allocate.
template <class P>
expected<mfn, errc> allocate_domain_pages(domain<P>& d, unsigned order) noexcept {
    auto const n = std::uint64_t{1} << order;
    std::uint64_t claim = 0;
    {
        lock_guard const hold(d.page_lock);
        if (d.is_dying()) {
            return unexpected(errc::inval);
        }
        if (n > d.max_pages || d.total_pages > d.max_pages - n) {
            return unexpected(errc::nomem);
        }
        claim = d.outstanding_pages;
        if (d.total_pages == 0) {
            atomic_fetch_add(d.references, 1U);
        }
        d.total_pages += n;
    }
    auto const use = d.kind == domain_kind::pv ? page_use::hypervisor : page_use::guest;
    auto const f = d.hv.frames.allocate(order, d.id, use, claim);
    if (!f) {
        domain_pages_freed(d, n);
        return f;
    }
    if (d.kind == domain_kind::pv && !pv::enlist_pages(d, *f, n)) {
        d.hv.frames.free(*f, order);
        domain_pages_freed(d, n);
        return unexpected(errc::inval);
    }
    lock_guard const hold(d.page_lock);
    auto const used = d.outstanding_pages < n ? d.outstanding_pages : n;
    if (used != 0 && d.hv.frames.set_claim(d.outstanding_pages, d.outstanding_pages - used)) {
        d.outstanding_pages -= used;
    }
    return f;
}

/// One reference, given back at the end of its life. One that is to write keeps a PV domain's frame
/// writable (pv/page_type.hpp).
template <class P>
class page_ref {
public:
    page_ref() noexcept = default;

    /// Takes over a reference that was counted already; `writes`: by `pv::get_writable`.
    page_ref(hypervisor<P>& hv, mfn counted, bool writes = false) noexcept
        : hv_(&hv), frame_(counted), writes_(writes) {}

    page_ref(page_ref&& o) noexcept
        : hv_(std::exchange(o.hv_, nullptr)), frame_(o.frame_), writes_(o.writes_) {}

    page_ref& operator=(page_ref&& o) noexcept {
        std::swap(hv_, o.hv_);
        std::swap(frame_, o.frame_);
        std::swap(writes_, o.writes_);
        return *this;
    }

    page_ref(page_ref const&) = delete;
    page_ref& operator=(page_ref const&) = delete;

    ~page_ref() {
        if (hv_ == nullptr) {
            return;
        }
        if (writes_) {
            pv::put_writable(*hv_, frame_);
        } else {
            put_frame(*hv_, frame_);
        }
    }

    explicit operator bool() const noexcept { return hv_ != nullptr; }

    mfn frame() const noexcept { return frame_; }

    /// The frame's bytes. Others write there too: copy once, then look.
    std::byte* map() const noexcept { return hv_->platform.map(frame_); }

    /// Leaves the reference to the caller, who gives it back with `put_frame`, or with
    /// `put_written_frame` if it was to write.
    mfn release() noexcept {
        hv_ = nullptr;
        return frame_;
    }

private:
    hypervisor<P>* hv_ = nullptr;
    mfn frame_{};
    bool writes_ = false;
};

} // namespace xenpp::hv
