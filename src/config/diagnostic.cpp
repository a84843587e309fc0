// SPDX-License-Identifier: Apache-2.0
// How findings are located in their text and shown.
#include <xenpp/config/diagnostic.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::config {
namespace {

/// Characters of UTF-8 text: continuation bytes do not count.
std::uint32_t characters(std::string_view text) {
    return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

/// A terminal must not obey what a file holds: control characters are shown as `?`.
std::string harmless(std::string_view line) {
    std::string out(line);
    for (char& c : out) {
        auto const u = static_cast<unsigned char>(c);
        if ((u < 0x20 && c != '\t') || u == 0x7f) {
            c = '?';
        }
    }
    return out;
}

/// Blanks as wide as the first `columns` characters of `line`; tabs stay tabs.
std::string indent(std::string_view line, std::uint32_t columns) {
    std::string out;
    for (char c : line) {
        if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) {
            continue;
        }
        if (out.size() == columns) {
            break;
        }
        out += c == '\t' ? '\t' : ' ';
    }
    return out;
}

/// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

} // namespace

std::string render(diagnostic const& d) {
    std::string_view const kind = d.severity == severity::error ? "error" : "warning";
    std::string out = d.line == 0 ? fmt::format("{}: {}: {}\n", d.file, kind, harmless(d.message))
                                  : fmt::format("{}:{}:{}: {}: {}\n", d.file, d.line, d.column,
                                                kind, harmless(d.message));
    if (d.line != 0 && !d.source_line.empty()) {
        out += fmt::format("  {}\n  {}^{:~<{}}\n", harmless(d.source_line),
                           indent(d.source_line, d.column - 1), "",
                           std::max(d.length, std::uint32_t{1}) - 1);
    }
    if (!d.suggestion.empty()) {
        out += fmt::format("  {}\n", harmless(d.suggestion));
    }
    return out;
}

bool diagnostics::wants(severity s) const noexcept {
    return items.size() < enough || (s == severity::error && !has_errors());
}

bool diagnostics::has_errors() const noexcept {
    return std::any_of(items.begin(), items.end(),
                       [](diagnostic const& d) { return d.severity == severity::error; });
}

std::string diagnostics::message() const {
    std::string out;
    for (auto const& d : items) {
        out += render(d);
    }
    return out;
}

diagnostic make_diagnostic(
    file const& f, source_span where, severity s, std::string message, std::string suggestion) {
    diagnostic d;
    d.severity = s;
    d.message = std::move(message);
    d.suggestion = std::move(suggestion);
    if (where.source >= f.sources.size()) {
        return d;
    }
    d.file = f.sources[where.source].name;
    if (where.line == 0) {
        return d;
    }
    std::string_view const text = f.sources[where.source].text;
    std::size_t const at = std::min<std::size_t>(where.begin, text.size());
    std::size_t const newline_before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    std::size_t const begin = newline_before == std::string_view::npos ? 0 : newline_before + 1;
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::size_t const marked = std::min<std::size_t>(std::max<std::size_t>(where.end, at), end);
    d.line = where.line;
    d.column = characters(text.substr(begin, at - begin)) + 1;
    d.length = std::max(characters(text.substr(at, marked - at)), std::uint32_t{1});
    if (end > begin && text[end - 1] == '\r') {
        --end;
    }
    constexpr std::size_t widest = 400; // a longer line helps nobody
    if (end - begin <= widest) {
        d.source_line = text.substr(begin, end - begin);
    }
    return d;
}

std::string_view nearest(std::string_view word, std::vector<std::string_view> const& words) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    constexpr std::size_t longest = 64; // no key is longer; bounds the work
    if (word.size() > longest) {
        return best;
    }
    for (auto candidate : words) {
        std::size_t const distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

} // namespace xenpp::config
