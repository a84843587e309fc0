// SPDX-License-Identifier: Apache-2.0
// Printing settings in canonical form, and putting files together.
#include <xenpp/config/ast.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::config {
namespace {

/// Text that reads the same without quotes: a decimal number.
bool is_plain_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void shift(value& v, std::uint32_t sources) {
    v.span.source += sources;
    if (auto* items = std::get_if<1>(&v.data)) {
        for (auto& item : *items) {
            shift(item, sources);
        }
    }
}

} // namespace

void append(file& to, file more) {
    auto const sources = static_cast<std::uint32_t>(to.sources.size());
    for (auto& s : more.settings) {
        s.key_span.source += sources;
        shift(s.value, sources);
        to.settings.push_back(std::move(s));
    }
    std::move(more.sources.begin(), more.sources.end(), std::back_inserter(to.sources));
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
            } else {
                out += c;
            }
        }
    }
    return out + '"';
}

std::string print(value const& v) {
    if (!v.is_list()) {
        return is_plain_number(v.text()) ? v.text() : quote(v.text());
    }
    std::string out = "[";
    for (auto const& item : v.list()) {
        out += out.size() == 1 ? " " : ", ";
        out += print(item);
    }
    return out + (out.size() == 1 ? "]" : " ]");
}

std::string print(file const& f) {
    std::string out;
    for (auto const& s : f.settings) {
        out +=
            fmt::format("{} {} {}\n", s.key, s.op == assign_op::set ? "=" : "+=", print(s.value));
    }
    return out;
}

} // namespace xenpp::config
