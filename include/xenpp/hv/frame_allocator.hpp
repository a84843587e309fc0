// SPDX-License-Identifier: Apache-2.0
// The machine's memory: a buddy allocator over the frame table, with scrubbing and deferred reuse.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/frame_table.hpp>
#include <xenpp/hv/page.hpp>
#include <xenpp/hv/platform.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace xenpp::hv {

/// Hands out blocks of 2^order frames, aligned to their size, always zeroed.
///
/// A frame that was freed is dirty: it is overwritten by the hypervisor, page by page, before
/// anybody gets it again, by idle work (`scrub_some`) or at the latest in `allocate`. Memory that
/// is known to be zero and was never executed needs no scrub: so says whoever adds it, or whoever
/// has it and sees every use of it (`mark_untouched`).
///
/// What a guest or another CPU may still reach is freed with `free_later`: the block is reused
/// only after every CPU has passed through its run loop, when no stale translation can exist.
/// Every member may be called on any CPU.
template <class P>
class frame_allocator : public frame_table {
public:
    static constexpr unsigned max_order = 18;     ///< 1 GiB
    static constexpr unsigned unbroken_order = 9; ///< the largest that never returns `restart`

    /// `epoch` and `cpu_epoch` are the machine's (hypervisor.hpp).
    frame_allocator(P& p,
                    std::uint64_t& epoch,
                    std::array<std::uint64_t, max_cpus> const& cpu_epoch) noexcept
        : platform_(p), epoch_(epoch), cpu_epoch_(cpu_epoch) {}

    frame_allocator(frame_allocator const&) = delete;
    frame_allocator& operator=(frame_allocator const&) = delete;
    ~frame_allocator() = default;

    /// Gives `count` frames from `first` to the allocator; the frame table for them is taken from
    /// their beginning. `known_zero`: they hold zeroes and were never executed. Errors: `range`
    /// beyond 1 TiB, `nomem` when they cannot hold their own table.
    expected<void, errc> add(mfn first, std::uint64_t count, bool known_zero) noexcept;

    /// A block of 2^order frames, each with one reference. Errors: `nomem`; `inval` for an order
    /// above `max_order`; `restart` (order above `unbroken_order` only) when a part of a block was
    /// scrubbed and the call must be made again. `claim`: how many of the claimed frames are the
    /// caller's own to use up; see `set_claim`.
    expected<mfn, errc>
    allocate(unsigned order, domid owner, page_use use, std::uint64_t claim = 0) noexcept;

    /// The block, just allocated, is zero still, and the caller will say `mark_touched` of what may
    /// be written or executed. Without this word all of a block counts as touched.
    void mark_untouched(mfn first, unsigned order) noexcept { mark(first, order, false); }

    void mark_touched(mfn first, unsigned order) noexcept { mark(first, order, true); }

    /// Takes back a block that nobody else can reach; it may be a part of what `allocate` gave.
    void free(mfn first, unsigned order) noexcept;

    /// Takes back a block that stale translations may still reach.
    void free_later(mfn first, unsigned order) noexcept;

    /// Puts blocks whose epoch has passed on every CPU back, at most 512; says whether more could
    /// be.
    bool reclaim() noexcept;

    /// Makes the CPUs that freed blocks wait for, this one too, pass through their run loops soon.
    /// False: nothing was freed that is not free by now, so waiting makes none.
    bool hurry() noexcept;

    /// Idle work: reclaims, then scrubs a few dirty free frames; says whether more is to be done.
    bool scrub_some() noexcept;

    /// An object in frames of its own. `nomem` as for `allocate`.
    template <class T, class... Args>
    expected<T*, errc> create(Args&&... args) noexcept;
    /// Ends it; its frames are freed later, so a concurrent reader still reads memory.
    template <class T>
    void destroy(T* object) noexcept;
    /// Ends one that no other CPU knows: its frames are free at once.
    template <class T>
    void discard(T* object) noexcept;

    /// Frames free or about to be (freed, waiting for their epoch).
    std::uint64_t free_pages() const noexcept {
        return atomic_load(free_, order::relaxed) + atomic_load(deferred_, order::relaxed);
    }

    /// Of these, those that wait for their epoch.
    std::uint64_t deferred_pages() const noexcept { return atomic_load(deferred_, order::relaxed); }

    /// Free frames that are to be scrubbed.
    std::uint64_t dirty_pages() const noexcept { return atomic_load(dirty_, order::relaxed); }

    /// Claimed frames that nobody else may have.
    std::uint64_t claimed_pages() const noexcept { return atomic_load(claimed_, order::relaxed); }

    /// Replaces a claim of `was` frames by one of `now`; `nomem` if that many are not free and
    /// unclaimed. Lowering a claim never fails.
    expected<void, errc> set_claim(std::uint64_t was, std::uint64_t now) noexcept;

private:
    static constexpr std::uint32_t none = page_info::no_page;
    static constexpr unsigned reclaim_batch = 512;
    static constexpr unsigned deferred_share = 8; ///< a CPU is hurried when more than 1/8 waits
    static constexpr unsigned scrub_batch = 16;   ///< frames under the lock: 64 KiB, some 10 us
    static constexpr unsigned scan_batch = 4096;  ///< entries looked at meanwhile

    struct block_list {
        std::uint32_t first = none;
        std::uint32_t last = none;
    };

    page_info& at(std::uint64_t f) const noexcept { return info(mfn(f)); }

    void scrub_frame(std::uint64_t f) noexcept { std::memset(platform_.map(mfn(f)), 0, page_size); }

    void mark(mfn first, unsigned order, bool dirty) noexcept {
        for (std::uint64_t i = 0; i != std::uint64_t{1} << order; ++i) {
            atomic_store(info(first + i).dirty, dirty, order::relaxed);
        }
    }

    // All below: with the lock held.
    void give(std::uint64_t f, unsigned order, std::uint32_t first_dirty) noexcept;
    void link(std::uint64_t f, unsigned order, std::uint32_t first_dirty) noexcept;
    void unlink(std::uint64_t f) noexcept;
    void make_dirty(std::uint64_t f, unsigned order) noexcept;
    void take_back(std::uint64_t f, unsigned order) noexcept;
    bool scrub_part(std::uint64_t f, unsigned budget) noexcept;
    expected<std::uint64_t, errc> take(unsigned order) noexcept;
    bool reclaim_locked() noexcept;
    bool hurry_locked() noexcept;
    std::uint64_t oldest_epoch() const noexcept;

    P& platform_;
    std::uint64_t& epoch_;
    std::array<std::uint64_t, max_cpus> const& cpu_epoch_;
    mutable spinlock lock_;
    std::array<block_list, max_order + 1> lists_{}; ///< clean blocks first, dirty ones last
    block_list dying_;                              ///< in the order of their epochs
    std::uint64_t free_ = 0;
    std::uint64_t deferred_ = 0;
    std::uint64_t dirty_ = 0;
    std::uint64_t claimed_ = 0;
};

// --- giving memory to the allocator ------------------------------------------------------------

template <class P>
expected<void, errc>
frame_allocator<P>::add(mfn first, std::uint64_t count, bool known_zero) noexcept {
    lock_guard const hold(lock_);
    auto const used =
        XENPP_TRY(enter(first, count, known_zero, [this](mfn f) { return platform_.map(f); }));
    auto f = first.raw() + used;
    auto const last = first.raw() + count;
    while (f != last) {
        auto const aligned = f == 0 ? max_order : static_cast<unsigned>(std::countr_zero(f));
        auto const fits = static_cast<unsigned>(std::bit_width(last - f)) - 1;
        auto const order = std::min(std::min(aligned, fits), max_order);
        if (!known_zero) {
            make_dirty(f, order);
        }
        give(f, order, known_zero ? none : 0);
        free_ += std::uint64_t{1} << order;
        f += std::uint64_t{1} << order;
    }
    return {};
}

// --- allocating and freeing --------------------------------------------------------------------

template <class P>
expected<mfn, errc> frame_allocator<P>::allocate(unsigned order,
                                                 domid owner,
                                                 page_use use,
                                                 std::uint64_t claim) noexcept {
    if (order > max_order) {
        return unexpected(errc::inval);
    }
    // A test's platform may refuse the n-th allocation.
    if constexpr (requires { platform_.may_allocate(); }) {
        if (!platform_.may_allocate()) {
            return unexpected(errc::nomem);
        }
    }
    auto const size = std::uint64_t{1} << order;
    std::uint64_t f = 0;
    for (bool more = true;;) {
        lock_guard const hold(lock_); // given up between two batches of reclaiming
        auto const kept = claimed_ - std::min(claim, claimed_);
        expected<std::uint64_t, errc> taken = unexpected(errc::nomem);
        if (free_ >= size && free_ - size >= kept) {
            taken = take(order);
        }
        if (taken) {
            f = *taken;
            // Larger blocks are clean, see `take`.
            for (std::uint64_t i = 0; order <= unbroken_order && i != size; ++i) {
                dirty_ -= at(f + i).dirty ? 1U : 0U;
            }
            break;
        }
        if (taken.error() != errc::nomem || !more) {
            if (taken.error() == errc::nomem) {
                hurry_locked(); // for whoever asks next
            }
            return unexpected(taken.error());
        }
        more = deferred_ != 0 && reclaim_locked();
    }
    // The block is nobody's now: no lock is needed to make it the caller's.
    for (std::uint64_t i = 0; i != size; ++i) {
        auto& page = at(f + i);
        if (page.dirty) {
            scrub_frame(f + i);
        }
        page = page_info{.owner = owner, .use = use, .dirty = true};
        atomic_store(page.count, 1U);
    }
    return mfn(f);
}

template <class P>
void frame_allocator<P>::free(mfn first, unsigned order) noexcept {
    lock_guard const hold(lock_);
    take_back(first.raw(), order);
}

template <class P>
void frame_allocator<P>::free_later(mfn first, unsigned order) noexcept {
    auto const f = static_cast<std::uint32_t>(first.raw());
    auto const size = std::uint64_t{1} << order;
    for (std::uint64_t i = 0; i != size; ++i) {
        atomic_store(at(f + i).count, 0U);
    }
    lock_guard const hold(lock_);
    auto& page = at(f);
    page.use = page_use::dying;
    page.order = static_cast<std::uint8_t>(order);
    page.next = none;
    // A CPU that passes through its run loop from now on sees a later epoch.
    page.epoch = atomic_fetch_add(epoch_, 1);
    (dying_.last != none ? at(dying_.last).next : dying_.first) = f;
    dying_.last = f;
    deferred_ += size;
    // A guest that keeps its CPU to itself must not keep what it frees from everybody.
    if (deferred_ > free_ / deferred_share &&
        deferred_ / reclaim_batch != (deferred_ - size) / reclaim_batch) {
        hurry_locked();
    }
}

template <class P>
std::uint64_t frame_allocator<P>::oldest_epoch() const noexcept {
    auto oldest = std::numeric_limits<std::uint64_t>::max();
    for (unsigned c = 0; c != platform_.cpu_limit(); ++c) {
        oldest = std::min(oldest, atomic_load(cpu_epoch_[c]));
    }
    return oldest;
}

template <class P>
bool frame_allocator<P>::reclaim_locked() noexcept {
    auto const oldest = oldest_epoch();
    for (unsigned n = 0; dying_.first != none && at(dying_.first).epoch < oldest; ++n) {
        if (n == reclaim_batch) {
            return true;
        }
        std::uint64_t const f = dying_.first;
        auto const order = at(f).order;
        auto const size = std::uint64_t{1} << order;
        dying_.first = at(f).next;
        if (dying_.first == none) {
            dying_.last = none;
        }
        take_back(f, order);
        deferred_ -= size;
    }
    return false;
}

template <class P>
bool frame_allocator<P>::reclaim() noexcept {
    lock_guard const hold(lock_);
    return reclaim_locked();
}

template <class P>
bool frame_allocator<P>::hurry() noexcept {
    lock_guard const hold(lock_);
    return hurry_locked();
}

template <class P>
bool frame_allocator<P>::hurry_locked() noexcept {
    if (dying_.first == none) {
        return false;
    }
    auto const wanted = at(dying_.first).epoch;
    for (unsigned c = 0; c != platform_.cpu_limit(); ++c) {
        if (atomic_load(cpu_epoch_[c]) <= wanted) {
            platform_.kick(cpu_id(c)); // this one too: it may be on its way back into its guest
        }
    }
    return true; // where none lags any more, whoever asks next reclaims it
}

template <class P>
bool frame_allocator<P>::scrub_some() noexcept {
    lock_guard const hold(lock_);
    if (reclaim_locked()) {
        return true;
    }
    for (auto const& list : lists_) {
        if (list.last != none && at(list.last).first_dirty() != none) {
            scrub_part(list.last, scrub_batch);
            return true;
        }
    }
    return false;
}

template <class P>
expected<void, errc> frame_allocator<P>::set_claim(std::uint64_t was, std::uint64_t now) noexcept {
    lock_guard const hold(lock_);
    auto const others = claimed_ - std::min(was, claimed_);
    auto const available = free_ + deferred_;
    if (now > was && (now > available || others > available - now)) {
        return unexpected(errc::nomem);
    }
    claimed_ = others + now;
    return {};
}

// --- objects -----------------------------------------------------------------------------------

namespace detail {

template <class T>
inline constexpr unsigned order_of = std::bit_width((sizeof(T) + page_size - 1) / page_size - 1);

} // namespace detail

template <class P>
template <class T, class... Args>
expected<T*, errc> frame_allocator<P>::create(Args&&... args) noexcept {
    static_assert(detail::order_of<T> <= unbroken_order && alignof(T) <= page_size);
    auto const f = XENPP_TRY(allocate(detail::order_of<T>, domid_xen, page_use::hypervisor));
    return ::new (static_cast<void*>(platform_.map(f))) T(std::forward<Args>(args)...);
}

template <class P>
template <class T>
void frame_allocator<P>::destroy(T* object) noexcept {
    auto const f = frame_of(object);
    object->~T();
    free_later(f, detail::order_of<T>);
}

template <class P>
template <class T>
void frame_allocator<P>::discard(T* object) noexcept {
    auto const f = frame_of(object);
    object->~T();
    free(f, detail::order_of<T>);
}

} // namespace xenpp::hv

#include <xenpp/hv/frame_blocks.hpp>
