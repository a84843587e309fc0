// SPDX-License-Identifier: Apache-2.0
// Configurations as flat JSON objects of keys, and the JSON Schema that describes them.
#include "config/text_scanner.hpp"

#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <cstdlib>

namespace xenpp::config {
namespace {

using nlohmann::ordered_json;

bool holds_number(value_kind k) {
    return k == value_kind::number || k == value_kind::boolean || k == value_kind::boolean_or_list;
}

ordered_json as_json(value const& v, bool is_number) {
    if (v.is_list()) {
        ordered_json out = ordered_json::array();
        for (auto const& item : v.list()) {
            out.push_back(as_json(item, false));
        }
        return out;
    }
    if (is_number) {
        return std::strtoll(v.text().c_str(), nullptr, 0);
    }
    return v.text();
}

expected<value, std::string> as_value(ordered_json const& j, unsigned depth) {
    if (j.is_string()) {
        return value{j.get<std::string>(), {}};
    }
    if (j.is_boolean()) {
        return value{std::string(j.get<bool>() ? "1" : "0"), {}};
    }
    if (j.is_number_integer()) {
        return value{j.dump(), {}};
    }
    constexpr unsigned deepest = 3; // no key nests its lists deeper
    if (!j.is_array() || depth == deepest) {
        return unexpected(std::string("a value is a string, an integer, a boolean or a list"));
    }
    std::vector<value> items;
    for (auto const& item : j) {
        items.push_back(XENPP_TRY(as_value(item, depth + 1)));
    }
    return value{std::move(items), {}};
}

ordered_json strings() {
    return {{"type", "array"}, {"items", {{"type", "string"}}}};
}

ordered_json words(std::string_view all) {
    ordered_json out = ordered_json::array();
    for (auto w : split_words(all)) {
        out.push_back(w);
    }
    return {{"enum", std::move(out)}};
}

ordered_json boolean() {
    return {{"enum", {0, 1, true, false}}};
}

ordered_json either(ordered_json a, ordered_json b) {
    return {{"anyOf", {std::move(a), std::move(b)}}};
}

ordered_json form(key_schema const& row) {
    switch (row.kind) {
    case value_kind::text: return {{"type", "string"}};
    case value_kind::number: {
        ordered_json out{{"type", "integer"}};
        if (row.minimum != INT64_MIN) {
            out["minimum"] = row.minimum;
        }
        if (row.maximum != INT64_MAX) {
            out["maximum"] = row.maximum;
        }
        return out;
    }
    case value_kind::boolean: return boolean();
    case value_kind::word: return words(row.words);
    case value_kind::word_or_number:
        return either(
            words(row.words),
            {{"type", "integer"}, {"minimum", 0}, {"maximum", split_words(row.words).size() - 1}});
    case value_kind::word_or_boolean: return either(words(row.words), boolean());
    case value_kind::text_list: return strings();
    case value_kind::list_list: return {{"type", "array"}, {"items", strings()}};
    case value_kind::text_or_list: return either({{"type", "string"}}, strings());
    case value_kind::boolean_or_list: return either(boolean(), strings());
    }
    return {};
}

} // namespace

std::string json_schema(std::span<key_schema const> table, std::string_view title) {
    ordered_json properties = ordered_json::object();
    for (auto const& row : table) {
        ordered_json p = form(row);
        p["description"] = row.doc;
        if (row.status == key_status::deprecated || row.status == key_status::ignored) {
            p["deprecated"] = true;
        }
        properties[std::string(row.key)] = std::move(p);
    }
    ordered_json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                     {"title", title},
                     {"type", "object"},
                     {"properties", std::move(properties)},
                     {"additionalProperties", false}};
    if (find(table, "name") != nullptr) {
        out["required"] = {"name"};
    }
    return out.dump(4) + "\n";
}

std::string to_settings_json(domain_config const& c) {
    ordered_json out = ordered_json::object();
    for (auto const& s : to_settings(c)) {
        out[s.key] = as_json(s.value, holds_number(find(domain_schema(), s.key)->kind));
    }
    return out.dump(4, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

expected<loaded_domain, diagnostics>
parse_domain_json(std::string_view text, std::string_view file_name, load_options options) {
    auto const refuse = [file_name](std::string message) {
        diagnostic d;
        d.file = file_name;
        d.message = std::move(message);
        return unexpected(diagnostics{{std::move(d)}});
    };
    auto const all = ordered_json::parse(text, nullptr, false);
    if (!all.is_object()) {
        return refuse("it is no JSON object");
    }
    file settings;
    for (auto const& [key, j] : all.items()) {
        auto v = as_value(j, 0);
        bool const is_key =
            !key.empty() && key[0] >= 'a' && key[0] <= 'z' &&
            key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._") == std::string::npos;
        if (!v || !is_key) {
            return refuse(fmt::format("member {}: {}", quote(key),
                                      is_key ? v.error() : "no key is written so"));
        }
        settings.settings.push_back({key, assign_op::set, *std::move(v), {}});
    }
    return parse_domain(print(settings), file_name, {}, options);
}

} // namespace xenpp::config
