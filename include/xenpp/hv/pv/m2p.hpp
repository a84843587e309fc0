// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table: for every frame, which of its owner's pages it says it is. Guests
// read it at 0xffff800000000000.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/frame_allocator.hpp>
#include <xenpp/hv/pv/entry.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace xenpp::hv::pv {

inline constexpr std::uint64_t m2p_base = 0xffff'8000'0000'0000;
inline constexpr std::uint64_t m2p_end = 0xffff'8040'0000'0000;
inline constexpr std::uint64_t no_pfn = ~std::uint64_t{0}; ///< Xen: INVALID_M2P_ENTRY

/// The table and its page tables, in frames of the hypervisor's. Chunks of 2 MiB, each for 1 GiB of
/// memory, so that guests read it through large pages.
template <class P>
class m2p_table {
public:
    static constexpr unsigned chunk_order = 9;
    static constexpr std::uint64_t chunk_frames = std::uint64_t{1} << 18;
    static constexpr unsigned max_chunks = 1024; ///< 1 TiB, as the frame table

    /// Makes chunks for all memory below `end` that is memory. May be called again. `nomem`: some
    /// are missing.
    expected<void, errc> prepare(frame_allocator<P>& frames, P& platform) noexcept {
        lock_guard const hold(lock_);
        if (root_ == 0) {
            root_ = XENPP_TRY(new_table(frames)).raw();
        }
        auto const chunks = (frames.end().raw() + chunk_frames - 1) / chunk_frames;
        for (std::uint64_t n = 0; n < chunks; ++n) {
            if (chunk_[n] == nullptr && is_memory(frames, n)) {
                XENPP_TRY(add_chunk(frames, platform, static_cast<unsigned>(n)));
            }
        }
        return {};
    }

    /// What every L4 has in slot 256: readable by all, whatever ring.
    table_entry slot() const noexcept { return reference(mfn(root_)); }

    /// `f` is page `pfn` of its owner; its owner may say what it likes.
    void set(mfn f, std::uint64_t pfn) noexcept {
        if (auto* const at = find(f)) {
            atomic_store(*at, pfn, order::relaxed);
        }
    }

    std::uint64_t get(mfn f) const noexcept {
        auto const* const at = find(f);
        return at != nullptr ? atomic_load(*at, order::relaxed) : no_pfn;
    }

    /// The first frame of chunk `n`; frame 0: there is none.
    mfn chunk(unsigned n) const noexcept { return n < max_chunks ? chunk_frame_[n] : mfn{}; }

    /// Frames that the table takes.
    std::uint64_t used() const noexcept { return used_; }

private:
    static constexpr table_entry reference(mfn f) noexcept {
        return to_maddr(f).raw() | entry_present | entry_user | entry_accessed;
    }

    static constexpr table_entry large_leaf(mfn f) noexcept {
        return reference(f) | entry_dirty | entry_large | entry_global | entry_nx;
    }

    std::uint64_t* find(mfn f) const noexcept {
        auto const n = f.raw() / chunk_frames;
        auto* const chunk = n < max_chunks ? atomic_load(chunk_[n]) : nullptr;
        return chunk != nullptr ? chunk + f.raw() % chunk_frames : nullptr;
    }

    static bool is_memory(frame_allocator<P> const& frames, std::uint64_t n) noexcept {
        constexpr std::uint64_t step = std::uint64_t{1} << 14; // a section of the frame table
        for (std::uint64_t f = n * chunk_frames; f < (n + 1) * chunk_frames; f += step) {
            if (frames.find(mfn(f)) != nullptr) {
                return true;
            }
        }
        return false;
    }

    expected<mfn, errc> new_table(frame_allocator<P>& frames) noexcept {
        auto const f = XENPP_TRY(frames.allocate(0, domid_xen, page_use::hypervisor));
        ++used_;
        return f;
    }

    expected<void, errc> add_chunk(frame_allocator<P>& frames, P& platform, unsigned n) noexcept {
        auto* const upper = reinterpret_cast<table_entry*>(platform.map(mfn(root_)));
        auto& reference_to_lower = upper[n / table_entries];
        if (reference_to_lower == 0) {
            atomic_store(reference_to_lower, reference(XENPP_TRY(new_table(frames))));
        }
        auto* const lower =
            reinterpret_cast<table_entry*>(platform.map(frame_in(reference_to_lower)));
        auto const f = XENPP_TRY(frames.allocate(chunk_order, domid_xen, page_use::hypervisor));
        used_ += std::uint64_t{1} << chunk_order;
        auto* const bytes = platform.map(f);
        std::memset(bytes, 0xff, page_size << chunk_order); // no_pfn
        chunk_frame_[n] = f;
        atomic_store(chunk_[n], reinterpret_cast<std::uint64_t*>(bytes));
        atomic_store(lower[n % table_entries], large_leaf(f));
        return {};
    }

    spinlock lock_;
    std::uint64_t root_ = 0; ///< the L3; 0: not made yet
    std::uint64_t used_ = 0;
    std::array<std::uint64_t*, max_chunks> chunk_{};
    std::array<mfn, max_chunks> chunk_frame_{};
};

} // namespace xenpp::hv::pv
