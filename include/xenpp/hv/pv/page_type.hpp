// SPDX-License-Identifier: Apache-2.0
// What a PV domain's frame is used as, and the counts that keep it so.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/hv/page.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>

#include <cstdint>

namespace xenpp::hv {

template <class P>
class domain_ref;

template <class P>
domain_ref<P> find_domain(hypervisor<P>& hv, domid id) noexcept;

namespace detail {

template <class P>
void last_reference_gone(hypervisor<P>& hv, mfn f) noexcept;

} // namespace detail

namespace pv {

/// A frame is one of these at a time. It stays what it is while its type count is not zero; a table
/// or descriptor page becomes so by validation.
enum class page_type : std::uint8_t {
    none = 0,
    l1 = 1,
    l2 = 2,
    l3 = 3,
    l4 = 4,
    seg_desc = 5, ///< a page of a GDT or LDT
    writable = 6, ///< count: how many mappings may write to it
};

constexpr bool is_table(page_type t) noexcept {
    return t >= page_type::l1 && t <= page_type::l4;
}

/// The type of tables of `level`, 1 to 4.
constexpr page_type table_type(unsigned level) noexcept {
    return static_cast<page_type>(level);
}

/// `page_info::type_info`, decoded.
struct type_word {
    // clang-format off
    static constexpr unsigned      type_shift = 29;
    static constexpr std::uint32_t pinned     = 1U << 28; ///< by the guest; one of the counts
    static constexpr std::uint32_t validated  = 1U << 27; ///< a table whose entries are all counted
    static constexpr std::uint32_t partial    = 1U << 26; ///< count 0, but the first `nr_validated`
                                                          ///< entries are counted: holds a reference
    static constexpr std::uint32_t busy       = 1U << 25; ///< count 0, and somebody changes the type
    static constexpr std::uint32_t count_mask = (1U << 25) - 1;
    // clang-format on

    std::uint32_t raw = 0;

    static constexpr type_word make(page_type t, std::uint32_t rest) noexcept {
        return {static_cast<std::uint32_t>(t) << type_shift | rest};
    }

    constexpr page_type type() const noexcept { return static_cast<page_type>(raw >> type_shift); }

    constexpr std::uint32_t count() const noexcept { return raw & count_mask; }

    constexpr bool has(std::uint32_t flag) const noexcept { return (raw & flag) != 0; }

    /// Whether it is in use as a table of `level`, all of it counted.
    constexpr bool is_live_table(unsigned level) const noexcept {
        return type() == table_type(level) && has(validated);
    }
};

inline type_word type_of(page_info const& p) noexcept {
    return {atomic_load(p.type_info)};
}

/// References and type word of a frame as one: both change together.
class frame_word {
public:
    static constexpr std::uint32_t most = 1U << 30; ///< references; far from wrapping
    static constexpr std::uint64_t one_of_each = (std::uint64_t{1} << 32) | 1;

    std::uint64_t raw;

    constexpr frame_word(std::uint64_t w) noexcept : raw(w) {} // NOLINT: sums of words are words

    static frame_word load(page_info const& p) noexcept {
        return {__atomic_load_n(reinterpret_cast<aliasing const*>(&p), __ATOMIC_ACQUIRE)};
    }

    static constexpr frame_word make(std::uint32_t references, type_word t) noexcept {
        return {std::uint64_t{t.raw} << 32 | references};
    }

    constexpr std::uint32_t references() const noexcept { return static_cast<std::uint32_t>(raw); }

    constexpr type_word type() const noexcept { return {static_cast<std::uint32_t>(raw >> 32)}; }

    /// Replaces this by `next` in `p`; on failure this becomes what is there.
    bool replace(page_info& p, frame_word next) noexcept {
        return __atomic_compare_exchange_n(reinterpret_cast<aliasing*>(&p), &raw, next.raw, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
    }

private:
    using aliasing [[gnu::may_alias]] = std::uint64_t;
};

/// Whether `page` is memory that `id` may use in its page tables.
inline bool is_memory_of(page_info const& page, domid id) noexcept {
    return page.owner == id && (page.use == page_use::guest || page.use == page_use::shared);
}

namespace detail {

/// Makes an unused frame that was a table writable: stale translations of it, and through it, go
/// first. False: it is no longer unused.
template <class P>
bool retype_to_writable(domain<P>& owner, page_info& page, frame_word seen) noexcept {
    // The reference comes first: others may give up theirs while this waits.
    if (!seen.replace(
            page, frame_word::make(seen.references() + 1, {seen.type().raw | type_word::busy}))) {
        return false;
    }
    flush_stale(owner, page.tlb_stamp());
    seen = frame_word::load(page);
    while (!seen.replace(
        page, frame_word::make(seen.references(), type_word::make(page_type::writable, 1)))) {
    }
    return true;
}

} // namespace detail

/// Takes a reference to a frame that may be written through it. `page` is memory of `owner`.
/// False: it is a table or descriptor page, or is not in use at all, or has too many references.
/// Takes no lock.
template <class P>
bool get_writable(domain<P>& owner, page_info& page) noexcept {
    auto seen = frame_word::load(page);
    for (;;) {
        auto const t = seen.type();
        if (seen.references() == 0 || seen.references() >= frame_word::most ||
            t.count() == type_word::count_mask) {
            return false;
        }
        if (t.type() == page_type::writable && !t.has(type_word::busy)) [[likely]] {
            if (seen.replace(page, seen.raw + frame_word::one_of_each)) {
                return true;
            }
        } else if (t.type() == page_type::none && t.raw == 0) {
            if (seen.replace(page, frame_word::make(seen.references() + 1,
                                                    type_word::make(page_type::writable, 1)))) {
                return true;
            }
        } else if (t.has(type_word::busy)) {
            cpu_relax(); // whoever changes it waits for no lock
            seen = frame_word::load(page);
        } else if (t.count() != 0 || t.has(type_word::partial)) {
            return false;
        } else {
            if (detail::retype_to_writable(owner, page, seen)) {
                return true;
            }
            seen = frame_word::load(page);
        }
    }
}

/// Takes a reference to a frame for reading. False: it is not in use, or has `most` references.
inline bool get_readable(page_info& page, std::uint32_t most = frame_word::most) noexcept {
    auto count = atomic_load(page.count);
    do {
        if (count == 0 || count >= most) {
            return false;
        }
    } while (!atomic_compare_exchange(page.count, count, count + 1));
    return true;
}

template <class P>
void put_writable(hypervisor<P>& hv, domain<P>& owner, mfn f) noexcept;

namespace detail {

/// The last writable reference goes: stamped before anybody can make the frame something else.
template <class P>
void put_last_writable(hypervisor<P>& hv, domain<P>& owner, mfn f, frame_word seen) noexcept {
    auto& page = hv.frames.info(f);
    // While it is busy its stamp is ours to write. The clock is read after the count fell, so it
    // covers every mapping that there was.
    if (!seen.replace(page,
                      frame_word::make(seen.references(),
                                       type_word::make(page_type::writable, type_word::busy)))) {
        put_writable(hv, owner, f);
        return;
    }
    page.tlb_stamp() = atomic_load(owner.pv_memory.tlb_clock);
    seen = frame_word::load(page);
    for (;;) {
        auto const left = seen.references() - 1;
        auto const type = type_word::make(left == 0 ? page_type::none : page_type::writable, 0);
        if (seen.replace(page, frame_word::make(left, type))) {
            if (left == 0) {
                xenpp::hv::detail::last_reference_gone(hv, f);
            }
            return;
        }
    }
}

} // namespace detail

/// Gives back what `get_writable` gave. The mapping it stood for is gone already.
template <class P>
void put_writable(hypervisor<P>& hv, domain<P>& owner, mfn f) noexcept {
    auto& page = hv.frames.info(f);
    auto seen = frame_word::load(page);
    while (seen.type().count() > 1) {
        if (seen.replace(page, seen.raw - frame_word::one_of_each)) [[likely]] {
            return;
        }
    }
    detail::put_last_writable(hv, owner, f, seen);
}

/// The same by the owner's number alone.
template <class P>
void put_writable(hypervisor<P>& hv, mfn f) noexcept {
    auto const owner = find_domain(hv, hv.frames.info(f).owner);
    put_writable(hv, *owner, f); // it exists as long as it has frames
}

} // namespace pv

} // namespace xenpp::hv
