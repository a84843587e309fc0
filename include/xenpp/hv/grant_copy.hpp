// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy: bytes from one page to another, each the caller's own or granted to it.
#pragma once

#include <xenpp/hv/grant_entry.hpp>

#include <cstdint>
#include <cstring>
#include <utility>

namespace xenpp::hv {

namespace detail {

/// One side of a copy: a page held for as long as this lives.
template <class P>
class copy_side {
public:
    copy_side() noexcept = default;
    copy_side(copy_side const&) = delete;
    copy_side& operator=(copy_side const&) = delete;

    ~copy_side() {
        if (granter_) {
            unpin_grant(*granter_, ref_, use_);
        }
    }

    /// Holds the page that `ptr` names for `v`. Errors: `permission_denied` a frame of another
    /// domain, `bad_domain`, `general_error` no such page; as `pin_grant`.
    template <class Ptr>
    grant_status open(vcpu<P>& v, Ptr const& ptr, bool is_gref, bool writes) noexcept {
        domid const id(ptr.domid);
        if (!is_gref) {
            if (id != domid_self) {
                return abi::gntst_permission_denied;
            }
            own_ = own_page(v.dom, gfn(ptr.u.gmfn), writes);
            page_.frame = own_.frame();
            return own_ ? abi::gntst_okay : abi::gntst_general_error;
        }
        auto granter = find_domain(v, id);
        if (!granter) {
            return abi::gntst_bad_domain;
        }
        use_ = {.writes = writes, .by_host = true, .for_copy = true};
        ref_ = grant_ref(ptr.u.ref);
        auto const pinned = pin_grant(*granter, ref_, v.dom.id, use_);
        if (!pinned) {
            return pinned.error();
        }
        page_ = *pinned;
        granter_ = std::move(granter);
        return abi::gntst_okay;
    }

    /// Whether the part of the page that may be touched holds [offset, offset + length).
    bool holds(std::uint32_t offset, std::uint32_t length) const noexcept {
        return offset >= page_.start &&
               offset + length <= page_.start + std::uint32_t{page_.length};
    }

    mfn frame() const noexcept { return page_.frame; }

private:
    page_ref<P> own_;
    domain_ref<P> granter_;
    grant_ref ref_{};
    grant_use use_{};
    pinned_grant page_{};
};

} // namespace detail

/// Does one copy and says how it went: `bad_copy_arg` either range crosses its page;
/// `general_error` a range is not within what a sub-page grant gives; as `copy_side::open`.
template <class P>
grant_status copy_grant(vcpu<P>& v, abi::gnttab_copy const& op) noexcept {
    if (std::uint32_t{op.source.offset} + op.len > page_size ||
        std::uint32_t{op.dest.offset} + op.len > page_size) {
        return abi::gntst_bad_copy_arg;
    }
    detail::copy_side<P> source;
    detail::copy_side<P> dest;
    bool const from_grant = (op.flags & abi::gntcopy_source_gref) != 0;
    bool const to_grant = (op.flags & abi::gntcopy_dest_gref) != 0;
    if (auto const s = source.open(v, op.source, from_grant, false); s != abi::gntst_okay) {
        return s;
    }
    if (auto const s = dest.open(v, op.dest, to_grant, true); s != abi::gntst_okay) {
        return s;
    }
    if (!source.holds(op.source.offset, op.len) || !dest.holds(op.dest.offset, op.len)) {
        return abi::gntst_general_error;
    }
    // Both may be one page, and its owner may write to it meanwhile: the bytes are what they are.
    auto& platform = v.dom.hv.platform;
    std::memmove(platform.map(dest.frame()) + op.dest.offset,
                 platform.map(source.frame()) + op.source.offset, op.len);
    return abi::gntst_okay;
}

} // namespace xenpp::hv
