// SPDX-License-Identifier: Apache-2.0
// Registered watches, found by the paths they cover.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/store/path.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// One client of a server, for as long as it is connected. Never reused.
using connection_id = strong_id<struct store_connection_tag, std::uint32_t>;

/// A registration. Its path is the key under which the table holds it.
struct watch {
    connection_id owner;
    std::string token;
    bool is_relative = false; ///< its events carry paths relative to the domain's directory
};

/// All watches of all connections, by absolute path or special name.
class watch_table {
public:
    /// False if the connection has this path with this token already.
    bool add(std::string_view path, watch w);
    /// False if there is no such watch.
    bool remove(std::string_view path, connection_id owner, std::string_view token);
    void remove_all(connection_id owner);

    std::size_t count(connection_id owner) const noexcept;

    /// Calls `f(path, watch)` for each watch on `path` itself (a special name too).
    template <class F>
    void each_at(std::string_view path, F f) const {
        if (auto at = by_path_.find(path); at != by_path_.end()) {
            for (auto const& w : at->second) {
                f(std::string_view(at->first), w);
            }
        }
    }

    /// Calls `f` for each watch on `path` or one of its ancestors, the root's first.
    template <class F>
    void each_covering(std::string_view path, F f) const {
        each_at("/", f);
        for (std::size_t end = 0; path.size() > 1 && end != std::string_view::npos;) {
            end = path.find('/', end + 1);
            each_at(path.substr(0, end), f);
        }
    }

    /// Calls `f` for each watch strictly below `path`.
    template <class F>
    void each_below(std::string_view path, F f) const {
        std::string const prefix = path == "/" ? "/" : std::string(path) + "/";
        for (auto at = by_path_.upper_bound(prefix);
             at != by_path_.end() && at->first.starts_with(prefix); ++at) {
            for (auto const& w : at->second) {
                f(std::string_view(at->first), w);
            }
        }
    }

    /// Calls `f` for every watch.
    template <class F>
    void each(F f) const {
        for (auto const& [path, watches] : by_path_) {
            for (auto const& w : watches) {
                f(std::string_view(path), w);
            }
        }
    }

private:
    std::map<std::string, std::vector<watch>, std::less<>> by_path_;
    std::map<connection_id, std::size_t> counts_;
};

} // namespace xenpp::store
