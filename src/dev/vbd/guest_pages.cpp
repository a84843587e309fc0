// SPDX-License-Identifier: Apache-2.0
// Keeping grants mapped.
#include <xenpp/dev/vbd/guest_pages.hpp>

#include <algorithm>

namespace xenpp::dev {

namespace {

/// Of one call of `map_grants`; all of them are mapped or none.
constexpr std::size_t part = 64;

} // namespace

std::byte* vbd_guest_pages::find(grant_ref page) const noexcept {
    auto const found = where_.find(page);
    return found == where_.end() ? nullptr : found->second;
}

void vbd_guest_pages::keep(std::span<grant_ref const> pages) {
    if (!is_persistent_) {
        return;
    }
    std::vector<grant_ref> wanted;
    for (auto const p : pages) {
        if (where_.size() + wanted.size() < most_kept && !where_.contains(p)) {
            wanted.push_back(p);
        }
    }
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    for (std::span<grant_ref const> rest = wanted; !rest.empty();) {
        auto const n = std::min(rest.size(), part);
        keep_part(rest.first(n));
        rest = rest.subspan(n);
    }
}

void vbd_guest_pages::keep_part(std::span<grant_ref const> pages) {
    auto mapped = doors_.map_grants(guest_, pages, os::access::read_write);
    if (!mapped) {
        return;
    }
    for (std::size_t i = 0; i != pages.size(); ++i) {
        where_.emplace(pages[i], mapped->data() + i * page_size);
    }
    mappings_.push_back(*std::move(mapped));
}

void vbd_guest_pages::drop() noexcept {
    where_.clear();
    mappings_.clear();
}

} // namespace xenpp::dev
