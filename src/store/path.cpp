// SPDX-License-Identifier: Apache-2.0
// Rules for node names.
#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/base/parse_number.hpp>
#include <xenpp/store/path.hpp>

namespace xenpp::store {

namespace {

bool is_path_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '/' || c == '_' || c == '@';
}

constexpr std::string_view domain_prefix = "/local/domain/";

/// How many characters of `path` are a leading "/local/domain/N/".
std::size_t domain_part(std::string_view path) noexcept {
    if (!path.starts_with(domain_prefix)) {
        return 0;
    }
    auto const end = path.find('/', domain_prefix.size());
    if (end == std::string_view::npos ||
        !parse_domid(path.substr(domain_prefix.size(), end - domain_prefix.size()))) {
        return 0;
    }
    return end + 1;
}

} // namespace

bool is_valid_path(std::string_view path) noexcept {
    if (path.empty() || path.front() != '/' || path.size() > abi::xenstore_abs_path_max ||
        path.size() - domain_part(path) > abi::xenstore_rel_path_max) {
        return false;
    }
    if (path.size() > 1 && path.back() == '/') {
        return false;
    }
    char before = '\0';
    for (char c : path) {
        if (!is_path_char(c) || (c == '/' && before == '/')) {
            return false;
        }
        before = c;
    }
    return true;
}

bool is_special(std::string_view name) noexcept {
    if (!name.starts_with('@') || name.size() > abi::xenstore_rel_path_max) {
        return false;
    }
    for (char c : name) {
        if (!is_path_char(c)) {
            return false;
        }
    }
    return true;
}

std::string domain_path(domid d) {
    return std::string(domain_prefix) + std::to_string(d.raw());
}

std::optional<std::string> canonical(std::string_view path, domid self) {
    std::string full;
    if (!path.starts_with('/')) {
        if (path.empty() || path.starts_with('@') || path.size() > abi::xenstore_rel_path_max) {
            return std::nullopt;
        }
        full = domain_path(self) + "/";
    }
    full += path;
    if (!is_valid_path(full)) {
        return std::nullopt;
    }
    return full;
}

std::string_view parent_of(std::string_view path) noexcept {
    auto const slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? std::string_view("/")
                                                         : path.substr(0, slash);
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) noexcept {
    if (ancestor == "/") {
        return path.starts_with('/');
    }
    return path.starts_with(ancestor) &&
           (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

std::optional<domid> parse_domid(std::string_view text) noexcept {
    auto const value = parse_number<std::uint16_t>(text);
    return value && *value < domid_first_reserved.raw() ? std::optional(domid(*value))
                                                        : std::nullopt;
}

std::string_view path_walker::next() noexcept {
    auto const slash = rest_.find('/');
    auto const component = rest_.substr(0, slash);
    rest_.remove_prefix(component.size());
    skip();
    return component;
}

} // namespace xenpp::store
