// SPDX-License-Identifier: Apache-2.0
// Tables as text, JSON, NDJSON, CSV and OpenMetrics.
#include <xenpp/cli/options.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/cli/view.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace xenpp::cli {
namespace {

constexpr std::array<std::string_view, 5> format_names{"text", "json", "ndjson", "csv",
                                                       "openmetrics"};

template <class... Cases>
struct overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

/// One value by a format of the layout; what has no meaning is a hyphen of the same width.
std::string format_cell(std::string_view how, value const& v) {
    return std::visit(
        overloaded{[&](std::monostate) { return fmt::format(fmt::runtime(how), "-"); },
                   [&](auto const& x) { return fmt::format(fmt::runtime(how), x); }},
        v);
}

std::string number(double d) {
    return std::isfinite(d) ? fmt::format("{}", d) : "null";
}

std::string json_value(value const& v) {
    return std::visit(overloaded{[](std::monostate) { return std::string("null"); },
                                 [](bool b) { return std::string(b ? "true" : "false"); },
                                 [](std::uint64_t n) { return fmt::format("{}", n); },
                                 [](double d) { return number(d); },
                                 [](std::string const& s) { return json_string(s); }},
                      v);
}

/// A row's members, `separator` between them.
std::string
json_members(table const& t, std::vector<value> const& row, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (t.fields[i].kind != field_kind::display) {
            out += fmt::format("{}{}: {}", out.empty() ? "" : separator,
                               json_string(t.fields[i].name), json_value(row[i]));
        }
    }
    return out;
}

std::string csv_text(std::string_view s) {
    if (s.find_first_of(",\"\r\n") == std::string_view::npos) {
        return std::string(s);
    }
    std::string out = "\"";
    for (char const c : s) {
        out += c == '"' ? "\"\"" : std::string(1, c);
    }
    return out + '"';
}

std::string csv_value(value const& v) {
    if (auto const* s = std::get_if<std::string>(&v)) {
        return csv_text(*s);
    }
    return std::holds_alternative<std::monostate>(v) ? "" : json_value(v);
}

/// OpenMetrics escapes these three in a label's value.
std::string label_text(std::string_view s) {
    std::string out;
    for (char const c : s) {
        switch (c) {
        case '\\': out += "\\\\"; break;
        case '"': out += "\\\""; break;
        case '\n': out += "\\n"; break;
        default: out += c;
        }
    }
    return out;
}

std::string labels(table const& t, std::vector<value> const& row) {
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (t.fields[i].kind == field_kind::label) {
            auto const* text = std::get_if<std::string>(&row[i]);
            out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", t.fields[i].name,
                               text != nullptr ? label_text(*text) : json_value(row[i]));
        }
    }
    return out.empty() ? out : "{" + out + "}";
}

/// A value as a sample; empty for what is no number.
std::string sample(value const& v) {
    return std::visit(overloaded{[](bool b) { return std::string(b ? "1" : "0"); },
                                 [](std::uint64_t n) { return fmt::format("{}", n); },
                                 [](double d) { return fmt::format("{}", d); },
                                 [](auto const&) { return std::string(); }},
                      v);
}

/// All samples of the metric in column `i`.
std::string metric(table const& t, std::size_t i) {
    auto const& f = t.fields[i];
    bool const is_counter = f.kind == field_kind::counter;
    auto const name = fmt::format("xenpp_{}_{}", t.object, f.name);
    auto out = fmt::format("# TYPE {} {}\n", name, is_counter ? "counter" : "gauge");
    if (!f.unit.empty()) {
        out += fmt::format("# UNIT {} {}\n", name, f.unit);
    }
    out += fmt::format("# HELP {} {}\n", name, label_text(f.help));
    for (auto const& row : t.rows) {
        if (auto const s = sample(row[i]); !s.empty()) {
            out += fmt::format("{}{}{} {}\n", name, is_counter ? "_total" : "", labels(t, row), s);
        }
    }
    return out;
}

} // namespace

std::optional<format> parse_format(std::string_view word) noexcept {
    if (word == "metrics") { // as it was called first
        return format::metrics;
    }
    auto const at = std::find(format_names.begin(), format_names.end(), word);
    if (at == format_names.end()) {
        return std::nullopt;
    }
    return static_cast<format>(at - format_names.begin());
}

result<format> chosen_format(arguments const& args) {
    auto chosen = format::text;
    for (auto const& [key, argument] : args.given) {
        auto const name = key == "format" ? std::string_view(argument) : std::string_view(key);
        if (auto const f = parse_format(name)) {
            chosen = *f;
        } else if (key == "format") {
            return refuse(fmt::format("unknown format \"{}\": it may be text, json, ndjson, csv or "
                                      "openmetrics",
                                      argument));
        }
    }
    return chosen;
}

std::string json_string(std::string_view s) {
    std::string out = "\"";
    for (char const c : s) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            } else {
                out += c;
            }
        }
    }
    return out + '"';
}

std::string to_text(table const& t, text_layout const& layout) {
    std::string out;
    if (!layout.header.empty()) {
        out = fmt::format("{}\n", layout.header);
    }
    for (auto const& row : t.rows) {
        for (auto const& cell : layout.cells) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                if (t.fields[i].name == cell.field) {
                    out += format_cell(cell.format, row[i]);
                }
            }
        }
        out += '\n';
    }
    return out;
}

std::string to_json(table const& t) {
    std::string out = "[";
    for (auto const& row : t.rows) {
        out += fmt::format("{}\n    {{\n        {}\n    }}", out.size() == 1 ? "" : ",",
                           json_members(t, row, ",\n        "));
    }
    return out + (t.rows.empty() ? "]\n" : "\n]\n");
}

std::string to_ndjson(table const& t) {
    std::string out;
    for (auto const& row : t.rows) {
        out += fmt::format("{{{}}}\n", json_members(t, row, ", "));
    }
    return out;
}

std::string to_csv(table const& t) {
    auto const line = [&t](auto const& cell) {
        std::vector<std::string> cells;
        for (std::size_t i = 0; i < t.fields.size(); ++i) {
            if (t.fields[i].kind != field_kind::display) {
                cells.push_back(cell(i));
            }
        }
        return fmt::format("{}\r\n", fmt::join(cells, ","));
    };
    auto out = line([&t](std::size_t i) { return csv_text(t.fields[i].name); });
    for (auto const& row : t.rows) {
        out += line([&row](std::size_t i) { return csv_value(row[i]); });
    }
    return out;
}

std::string to_metrics(table const& t) {
    std::string out;
    for (std::size_t i = 0; i < t.fields.size(); ++i) {
        if (t.fields[i].kind == field_kind::gauge || t.fields[i].kind == field_kind::counter) {
            out += metric(t, i);
        }
    }
    return out + "# EOF\n";
}

std::string render(table const& t, format f, text_layout const& layout) {
    switch (f) {
    case format::text: return to_text(t, layout);
    case format::json: return to_json(t);
    case format::ndjson: return to_ndjson(t);
    case format::csv: return to_csv(t);
    case format::metrics: return to_metrics(t);
    }
    return {};
}

} // namespace xenpp::cli
