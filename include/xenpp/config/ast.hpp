// SPDX-License-Identifier: Apache-2.0
// What an xl.cfg file says, before any key has a meaning: settings of strings and lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace xenpp::config {

/// Where something stands: the bytes [begin, end) of source number `source`, first line `line`
/// (from 1). The column is computed when it is asked for, from the text that `file` keeps.
struct source_span {
    std::uint32_t source = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t line = 0;
};

static_assert(sizeof(source_span) == 16);

/// A string (numbers are kept as their text) or a list of values. Equality ignores positions.
struct value {
    std::variant<std::string, std::vector<value>> data;
    source_span span;

    bool is_list() const noexcept { return data.index() == 1; }

    /// The text of a string; a list has none: check `is_list` first.
    std::string const& text() const { return std::get<0>(data); }

    /// The elements of a list: check `is_list` first.
    std::vector<value> const& list() const { return std::get<1>(data); }

    friend bool operator==(value const& a, value const& b) { return a.data == b.data; }
};

/// `=` replaces what an earlier setting of the key said, `+=` appends to it.
enum class assign_op : std::uint8_t {
    set,
    append,
};

/// One `key = value` or `key += value`. Equality ignores positions.
struct setting {
    std::string key;
    assign_op op = assign_op::set;
    config::value value;
    source_span key_span;

    friend bool operator==(setting const& a, setting const& b) {
        return a.key == b.key && a.op == b.op && a.value == b.value;
    }
};

/// A text that settings came from: a file, or the arguments of a command line.
struct source {
    std::string name;
    std::string text;
};

/// Settings in the order in which they were written, and the texts that their spans point into.
struct file {
    std::vector<source> sources;
    std::vector<setting> settings;
};

/// Adds the settings of `more` behind those of `to`, so that they win.
void append(file& to, file more);

/// The text of a value or a file in canonical form; parsing it gives an equal tree.
std::string print(value const& v);
std::string print(file const& f);

/// `text` as a quoted string of the language.
std::string quote(std::string_view text);

} // namespace xenpp::config
