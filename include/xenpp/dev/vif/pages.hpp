// SPDX-License-Identifier: Apache-2.0
// How an interface's backend reaches the pages that its frontend granted.
#pragma once

#include <xenpp/transport/doors.hpp>

#include <span>

namespace xenpp::dev {

/// One frontend's granted pages: `transport::doors::copy_grants` for its domain, or a test's.
class vif_pages {
public:
    vif_pages() noexcept = default;
    vif_pages(vif_pages const&) = delete;
    vif_pages& operator=(vif_pages const&) = delete;
    virtual ~vif_pages() = default;

    /// Each piece says whether it was done.
    virtual void copy(std::span<transport::grant_copy> pieces) = 0;
};

} // namespace xenpp::dev
