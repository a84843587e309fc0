// SPDX-License-Identifier: Apache-2.0
// How a disk's backend reaches the pages that a request names: kept mappings, or copies.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/transport/doors.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace xenpp::dev {

/// With a frontend that keeps its grants (persistent), a page is mapped when it is first named and
/// stays so; the guest copies between it and where the data belongs, so that no page which could
/// hold code is written to from here. All else is copied by the hypervisor.
class vbd_guest_pages {
public:
    /// As many as Linux's backend keeps for a ring of one page: 32 requests of 32 pages and one
    /// page of segments.
    static constexpr std::size_t most_kept = 1056;

    vbd_guest_pages(transport::doors& d, domid guest, bool is_persistent) noexcept
        : doors_(d), guest_(guest), is_persistent_(is_persistent) {}

    bool is_persistent() const noexcept { return is_persistent_; }

    /// Where a page is; null: it is not kept.
    std::byte* find(grant_ref page) const noexcept;

    /// Maps those of `pages` that are not kept yet, while there is room. What cannot be mapped is
    /// left to be copied, or to be found wrong then.
    void keep(std::span<grant_ref const> pages);

    /// See `doors::copy_grants`. An error: the machine is gone.
    result<void> copy(std::span<transport::grant_copy> pieces) {
        return doors_.copy_grants(guest_, pieces);
    }

    /// Unmaps everything.
    void drop() noexcept;

private:
    struct hash {
        std::size_t operator()(grant_ref r) const noexcept { return r.raw(); }
    };

    void keep_part(std::span<grant_ref const> pages);

    transport::doors& doors_;
    domid guest_;
    bool is_persistent_;
    std::vector<transport::foreign_mapping> mappings_;
    std::unordered_map<grant_ref, std::byte*, hash> where_;
};

} // namespace xenpp::dev
