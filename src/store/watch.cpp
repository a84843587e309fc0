// SPDX-License-Identifier: Apache-2.0
// Bookkeeping of the watch table.
#include <xenpp/store/watch.hpp>

#include <algorithm>

namespace xenpp::store {

bool watch_table::add(std::string_view path, watch w) {
    auto at = by_path_.find(path);
    if (at == by_path_.end()) {
        at = by_path_.emplace(path, std::vector<watch>{}).first;
    }
    for (auto const& other : at->second) {
        if (other.owner == w.owner && other.token == w.token) {
            return false;
        }
    }
    ++counts_[w.owner];
    at->second.push_back(std::move(w));
    return true;
}

bool watch_table::remove(std::string_view path, connection_id owner, std::string_view token) {
    auto const at = by_path_.find(path);
    if (at == by_path_.end()) {
        return false;
    }
    auto const gone = std::erase_if(
        at->second, [&](watch const& w) { return w.owner == owner && w.token == token; });
    if (at->second.empty()) {
        by_path_.erase(at);
    }
    if (gone != 0 && --counts_[owner] == 0) {
        counts_.erase(owner);
    }
    return gone != 0;
}

void watch_table::remove_all(connection_id owner) {
    if (counts_.erase(owner) == 0) {
        return;
    }
    for (auto& [path, watches] : by_path_) {
        std::erase_if(watches, [&](watch const& w) { return w.owner == owner; });
    }
    std::erase_if(by_path_, [](auto const& entry) { return entry.second.empty(); });
}

std::size_t watch_table::count(connection_id owner) const noexcept {
    auto const at = counts_.find(owner);
    return at == counts_.end() ? 0 : at->second;
}

} // namespace xenpp::store
