// SPDX-License-Identifier: Apache-2.0
// Settings held against a schema: what passed is there to be read, what did not is reported.
#pragma once

#include "config/settings.hpp"

#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/schema.hpp>
#include <xenpp/config/value_error.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// What is wrong with a number's text.
enum class number_fault : std::uint8_t {
    none,
    not_a_number,
    out_of_range,
};

/// C's strtol with base 0: leading blanks, sign, 0 and 0x prefixes; nothing may follow.
number_fault parse_c_number(std::string const& text, std::int64_t& out);

/// The file's findings from top to bottom, then those about the whole, then the command line's.
void sort_by_place(diagnostics& all, std::string_view file_name);

/// Checks every setting of a file against a table, then answers for one key at a time. A setting
/// that did not pass was reported and reads as absent.
class reader {
public:
    /// In the exact dialect, what Xen 4.17's xl passes over is a warning at most.
    reader(file const& f,
           std::span<key_schema const> table,
           diagnostics& out,
           config::dialect d = dialect::documented);

    config::dialect dialect() const noexcept { return dialect_; }

    /// Reports unknown keys, wrong types, and keys that are not supported or deprecated; `guest`
    /// is the set of guest kinds that the file is for. What xenpp cannot give is an error if
    /// `must_run_here`.
    void check(guest_set guest, bool must_run_here = true);

    bool has(std::string_view key) const { return find_good(key) != nullptr; }

    std::optional<std::string> text(std::string_view key) const;
    std::optional<std::int64_t> number(std::string_view key) const;
    /// The index among the key's words.
    std::optional<int> word(std::string_view key) const;
    /// The value itself, for keys with a form of their own.
    value const* raw(std::string_view key) const;

    /// Reports something about a key's value, or about the whole file if the key is absent.
    void report(std::string_view key, severity s, std::string message, std::string hint = {});
    void report_at(source_span where, severity s, std::string message, std::string hint = {});
    /// Reports what is wrong inside a string of `key`, at its very place if the string is written
    /// without escapes.
    void report_inside(std::string_view key, value const& v, value_error const& e);

private:
    struct entry {
        effective_setting setting;
        key_schema const* schema;
        bool is_good;
    };

    entry const* find_good(std::string_view key) const;
    void report_unknown(entry const& e);
    void report_status(entry const& e, guest_set guest, bool must_run_here);
    /// An error; where 4.17's xl goes on without the value, a warning.
    severity value_severity() const noexcept;
    bool has_right_type(entry const& e);
    bool check_text(entry const& e, value const& v);
    bool check_number(entry const& e, value const& v);
    bool check_word(entry const& e, value const& v);
    bool check_items(entry const& e, value const& v);
    bool is_neutral(entry const& e) const;

    file const& file_;
    std::span<key_schema const> table_;
    diagnostics& out_;
    config::dialect dialect_;
    std::vector<entry> entries_;
};

} // namespace xenpp::config
