// SPDX-License-Identifier: Apache-2.0
// Which key fills which member of domain_config, and how each type of member is set and shown.
#pragma once

#include "config/reader.hpp"

#include <xenpp/config/domain_config.hpp>

#include <optional>
#include <span>
#include <type_traits>

namespace xenpp::config {

/// A key whose value alone fills one member. `set` gets a value that passed the schema's checks,
/// and reports what is wrong inside it; `get` gives nothing for a member at its default.
struct key_binding {
    std::string_view key;
    void (*set)(domain_config& to, value const& v, key_schema const& row, reader& in);
    std::optional<value> (*get)(domain_config const& from, key_schema const& row);
};

/// All of them, in the order in which they are printed.
std::span<key_binding const> domain_bindings() noexcept;

/// Sets every member whose key is there and right.
void apply_bindings(domain_config& to, reader& in);

namespace detail {

inline value text_value(std::string text) {
    return {std::move(text), {}};
}

template <class Spec>
value list_value(std::vector<Spec> const& specs) {
    std::vector<value> items;
    for (auto const& s : specs) {
        auto printed = print(s);
        if constexpr (std::is_same_v<decltype(printed), std::string>) {
            items.push_back(text_value(std::move(printed)));
        } else {
            std::vector<value> strings;
            for (auto& text : printed) {
                strings.push_back(text_value(std::move(text)));
            }
            items.push_back({std::move(strings), {}});
        }
    }
    return {std::move(items), {}};
}

inline value list_value(std::vector<std::string> const& texts) {
    std::vector<value> items;
    for (auto const& t : texts) {
        items.push_back(text_value(t));
    }
    return {std::move(items), {}};
}

inline std::int64_t number_of(value const& v) {
    std::int64_t n = 0;
    static_cast<void>(parse_c_number(v.text(), n)); // passed already
    return n;
}

inline int word_of(value const& v, key_schema const& row) {
    int const index = word_index(row.words, v.text());
    return index >= 0 ? index : static_cast<int>(number_of(v));
}

// One overload pair for each type of member.

inline void set(std::string& to, value const& v, key_schema const&, reader&) {
    to = v.text();
}

inline std::optional<value> get(std::string const& from, key_schema const&) {
    return text_value(from);
}

inline void set(bool& to, value const& v, key_schema const&, reader&) {
    to = number_of(v) != 0;
}

inline std::optional<value> get(bool from, key_schema const&) {
    return text_value(from ? "1" : "0");
}

inline void set(std::int32_t& to, value const& v, key_schema const&, reader&) {
    to = static_cast<std::int32_t>(number_of(v));
}

inline std::optional<value> get(std::int32_t from, key_schema const&) {
    return text_value(std::to_string(from));
}

inline void set(std::optional<bool>& to, value const& v, key_schema const&, reader&) {
    to = number_of(v) != 0;
}

inline std::optional<value> get(std::optional<bool> from, key_schema const&) {
    return text_value(from.value_or(false) ? "1" : "0");
}

inline void set(std::optional<std::uint32_t>& to, value const& v, key_schema const&, reader&) {
    to = static_cast<std::uint32_t>(number_of(v));
}

inline std::optional<value> get(std::optional<std::uint32_t> from, key_schema const&) {
    return text_value(std::to_string(from.value_or(0)));
}

template <class Enum>
requires std::is_enum_v<Enum>

void set(Enum& to, value const& v, key_schema const& row, reader&) {
    to = static_cast<Enum>(word_of(v, row));
}

template <class Enum>

requires std::is_enum_v<Enum> std::optional<value> get(Enum from, key_schema const& row) {
    return text_value(std::string(word_at(row.words, static_cast<int>(from))));
}

template <class Enum>
requires std::is_enum_v<Enum>

void set(std::optional<Enum>& to, value const& v, key_schema const& row, reader&) {
    to = static_cast<Enum>(word_of(v, row));
}

template <class Enum>

requires std::is_enum_v<Enum> std::optional<value> get(std::optional<Enum> from,
                                                       key_schema const& row) {
    return text_value(std::string(word_at(row.words, static_cast<int>(*from))));
}

// Zero and one are numbers of their own here, and the words follow.
void set(std::optional<gfx_passthru_kind>& to, value const& v, key_schema const& row, reader& in);
std::optional<value> get(std::optional<gfx_passthru_kind> const& from, key_schema const& row);

void set(std::vector<std::string>& to, value const& v, key_schema const& row, reader& in);
std::optional<value> get(std::vector<std::string> const& from, key_schema const& row);

void set(cpuid_policy& to, value const& v, key_schema const& row, reader& in);
std::optional<value> get(cpuid_policy const& from, key_schema const& row);

void set(std::optional<viridian_set>& to, value const& v, key_schema const& row, reader& in);
std::optional<value> get(std::optional<viridian_set> const& from, key_schema const& row);

void set(std::optional<rdm_spec>& to, value const& v, key_schema const& row, reader& in);
std::optional<value> get(std::optional<rdm_spec> const& from, key_schema const& row);

/// One item; the PCI grammar is the one with a dialect of its own.
template <class Spec>
expected<void, value_error> parse_one(std::string_view text, Spec& to, dialect d) {
    if constexpr (std::is_same_v<Spec, pci_spec>) {
        to = XENPP_TRY(parse_pci_spec(text, d));
        return {};
    } else {
        static_cast<void>(d);
        return parse_spec(text, to);
    }
}

template <class Spec>
bool parse_or_report(value const& v, key_schema const& row, Spec& to, reader& in) {
    auto const parsed = parse_one(v.text(), to, in.dialect());
    if (!parsed) {
        in.report_inside(row.key, v, parsed.error());
    }
    return parsed.has_value();
}

template <class Spec>
void set(std::vector<Spec>& to, value const& v, key_schema const& row, reader& in) {
    for (auto const& item : v.list()) {
        Spec spec;
        bool is_good = true;
        if (item.is_list()) {
            for (auto const& text : item.list()) {
                is_good = is_good && parse_or_report(text, row, spec, in);
            }
        } else {
            is_good = parse_or_report(item, row, spec, in);
        }
        if (is_good) {
            to.push_back(std::move(spec));
        }
    }
}

template <class Spec>
std::optional<value> get(std::vector<Spec> const& from, key_schema const&) {
    return list_value(from);
}

/// The member at the end of a chain of member pointers.
template <auto First, auto... Rest>
auto& at(auto& object) {
    if constexpr (sizeof...(Rest) == 0) {
        return object.*First;
    } else {
        return at<Rest...>(object.*First);
    }
}

} // namespace detail

/// A row for the member that the chain leads to.
template <auto... Path>
constexpr key_binding bind(std::string_view key) {
    return {key,
            [](domain_config& to, value const& v, key_schema const& row, reader& in) {
                detail::set(detail::at<Path...>(to), v, row, in);
            },
            [](domain_config const& from, key_schema const& row) -> std::optional<value> {
                static domain_config const defaults;
                auto const& member = detail::at<Path...>(from);
                return member == detail::at<Path...>(defaults) ? std::nullopt
                                                               : detail::get(member, row);
            }};
}

} // namespace xenpp::config
