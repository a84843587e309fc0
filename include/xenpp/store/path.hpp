// SPDX-License-Identifier: Apache-2.0
// Which node names are valid, and how relative ones become absolute.
#pragma once

#include <xenpp/base/strong.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace xenpp::store {

/// Is `path` an absolute node path: letters, digits, `-/_@` only, at most 3072 characters, at most
/// 2048 beyond a leading `/local/domain/N/`, no empty component, no trailing slash except in "/"?
bool is_valid_path(std::string_view path) noexcept;

/// Is `name` of the form of a special watch name ("@releaseDomain")?
bool is_special(std::string_view name) noexcept;

/// The directory of a domain: "/local/domain/N".
std::string domain_path(domid d);

/// `path` as an absolute path: relative ones are below the domain's directory. Nothing if it is
/// not a valid node path then.
std::optional<std::string> canonical(std::string_view path, domid self);

/// The path of the parent; "/" is its own parent.
std::string_view parent_of(std::string_view path) noexcept;

/// Is `path` the node `ancestor` or below it? Both absolute.
bool is_at_or_below(std::string_view path, std::string_view ancestor) noexcept;

/// A decimal domain number.
std::optional<domid> parse_domid(std::string_view text) noexcept;

/// Takes the components of an absolute path one by one.
class path_walker {
public:
    explicit path_walker(std::string_view path) noexcept : rest_(path) { skip(); }

    /// The next component; empty at the end.
    std::string_view next() noexcept;

    bool at_end() const noexcept { return rest_.empty(); }

private:
    void skip() noexcept {
        if (!rest_.empty() && rest_.front() == '/') {
            rest_.remove_prefix(1);
        }
    }

    std::string_view rest_;
};

} // namespace xenpp::store
