// SPDX-License-Identifier: Apache-2.0
// Field tables: an object's fields said once, shown as text, JSON, NDJSON, CSV and OpenMetrics.
#pragma once

#include <xenpp/base/error.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace xenpp::cli {

class arguments;

/// What a field holds; nothing (`monostate`) where it has no meaning for this object.
using value = std::variant<std::monostate, bool, std::uint64_t, double, std::string>;

/// What a field is for.
enum class field_kind : std::uint8_t {
    label,   ///< says which object it is
    word,    ///< a fact that is no measure
    gauge,   ///< a measure that goes up and down
    counter, ///< a measure that only goes up
    display, ///< for the text view alone
};

/// A field without its getter. `name` ends in the unit where it has one ("cpu_seconds").
struct field_info {
    std::string_view name;
    std::string_view unit; ///< "seconds", "bytes", ...; empty: a number or a word
    field_kind kind = field_kind::word;
    std::string_view help; ///< one sentence
};

/// A field of `Row`.
template <class Row>
struct field {
    field_info info;
    value (*get)(Row const&);
};

/// Objects of one kind with the values of their fields.
struct table {
    std::string_view object; ///< "domain": begins the names of metrics
    std::vector<field_info> fields;
    std::vector<std::vector<value>> rows; ///< each as long as `fields`
};

template <class Row>
table tabulate(std::string_view object,
               std::span<field<Row> const> fields,
               std::span<Row const> objects) {
    table out{object, {}, {}};
    for (auto const& f : fields) {
        out.fields.push_back(f.info);
    }
    for (auto const& o : objects) {
        auto& row = out.rows.emplace_back();
        for (auto const& f : fields) {
            row.push_back(f.get(o));
        }
    }
    return out;
}

/// How a table may be printed.
enum class format : std::uint8_t {
    text,
    json,   ///< an array of objects
    ndjson, ///< an object a line
    csv,    ///< RFC 4180, names in the first line
    metrics ///< OpenMetrics 1.0
};

/// One cell of a text line: a field's name and how {fmt} writes it, blanks around it included.
struct text_cell {
    std::string_view field;
    std::string_view format;
};

/// A text view: a line above all (none if empty), then a line a row.
struct text_layout {
    std::string_view header;
    std::span<text_cell const> cells;
};

/// "json", "ndjson", "csv", "openmetrics", "text".
std::optional<format> parse_format(std::string_view word) noexcept;

/// What --json, --ndjson, --csv, --openmetrics or --format ask for, the last of them; text if none
/// was given.
result<format> chosen_format(arguments const& args);

std::string to_text(table const& t, text_layout const& layout);
std::string to_json(table const& t);
std::string to_ndjson(table const& t);
std::string to_csv(table const& t);
std::string to_metrics(table const& t);

/// Any of them.
std::string render(table const& t, format f, text_layout const& layout);

/// A string as JSON writes it, quotes included.
std::string json_string(std::string_view s);

} // namespace xenpp::cli
