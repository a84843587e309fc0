// SPDX-License-Identifier: Apache-2.0
// Items of the form KEY=VALUE,KEY=VALUE as tables: one table reads and prints a structure.
#pragma once

#include "config/text_scanner.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace xenpp::config {

/// One key of an item: how it is held by a structure that the table knows by its address.
struct item_field {
    std::string_view key;
    std::string_view words; ///< of a word; empty: a string, number or boolean
    std::int64_t minimum = 0;
    std::int64_t maximum = 0;
    /// Takes a value that passed the checks; false if the text has not the member's form.
    bool (*set)(void* to, item_field const& f, std::string_view text);
    /// The value's text, or nothing if there is none to print.
    std::optional<std::string> (*get)(void const* from, item_field const& f);
    bool is_required = false;
};

namespace detail {

template <class T>
struct member_of;

template <class Class, class Value>
struct member_of<Value Class::*> {
    using owner = Class;
    using type = Value;
};

inline bool assign(std::string& to, item_field const&, std::string_view text) {
    to = text;
    return true;
}

inline bool assign(std::optional<bool>& to, item_field const&, std::string_view text) {
    to = text == "1";
    return text == "0" || text == "1";
}

inline bool assign(std::optional<std::uint32_t>& to, item_field const& f, std::string_view text) {
    text_scanner in(text);
    std::uint64_t n = 0;
    bool const is_hex = in.skip("0x");
    if (!in.number(n, is_hex ? 16 : 10) || !in.at_end() ||
        n < static_cast<std::uint64_t>(f.minimum) || n > static_cast<std::uint64_t>(f.maximum)) {
        return false;
    }
    to = static_cast<std::uint32_t>(n);
    return true;
}

template <class Enum>
requires std::is_enum_v<Enum>

bool assign(std::optional<Enum>& to, item_field const& f, std::string_view text) {
    int const index = word_index(f.words, text);
    to = static_cast<Enum>(index);
    return index >= 0;
}

inline std::optional<std::string> text_of(std::string const& from, item_field const&) {
    return from.empty() ? std::nullopt : std::optional(from);
}

inline std::optional<std::string> text_of(std::optional<bool> from, item_field const&) {
    return from ? std::optional<std::string>(*from ? "1" : "0") : std::nullopt;
}

inline std::optional<std::string> text_of(std::optional<std::uint32_t> from, item_field const&) {
    return from ? std::optional(std::to_string(*from)) : std::nullopt;
}

template <class Enum>

requires std::is_enum_v<Enum> std::optional<std::string> text_of(std::optional<Enum> from,
                                                                 item_field const& f) {
    return from ? std::optional(std::string(word_at(f.words, static_cast<int>(*from))))
                : std::nullopt;
}

} // namespace detail

/// A row for the member `Member`.
template <auto Member>
constexpr item_field item(std::string_view key,
                          std::string_view words = {},
                          std::int64_t minimum = 0,
                          std::int64_t maximum = UINT32_MAX) {
    using owner = typename detail::member_of<decltype(Member)>::owner;
    return {key,
            words,
            minimum,
            maximum,
            [](void* to, item_field const& f, std::string_view text) {
                return detail::assign(static_cast<owner*>(to)->*Member, f, text);
            },
            [](void const* from, item_field const& f) {
                return detail::text_of(static_cast<owner const*>(from)->*Member, f);
            }};
}

constexpr item_field required(item_field f) {
    f.is_required = true;
    return f;
}

/// Reads "KEY=VALUE, KEY=VALUE" into the structure at `to`; keys may come in any order, each once.
expected<void, value_error>
parse_item(std::string_view text, std::span<item_field const> fields, void* to);

/// Sets one key; `at` is where it stands, for errors.
expected<void, value_error> set_field(std::span<item_field const> fields,
                                      void* to,
                                      std::size_t at,
                                      std::string_view key,
                                      std::string_view value);

/// "KEY=VALUE,KEY=VALUE" of what is there.
std::string print_item(std::span<item_field const> fields, void const* from);

} // namespace xenpp::config
