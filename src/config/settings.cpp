// SPDX-License-Identifier: Apache-2.0
// How repeated keys are replaced and appended to.
#include "config/settings.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace xenpp::config {
namespace {

void report(file const& f,
            diagnostics* out,
            source_span at,
            severity s,
            std::string text,
            std::string hint) {
    if (out != nullptr && out->wants(s)) {
        out->items.push_back(make_diagnostic(f, at, s, std::move(text), std::move(hint)));
    }
}

void replace(file const& f, setting const& s, effective_setting& to, diagnostics* out) {
    if (s.key_span.source == to.key_span.source) {
        report(
            f, out, s.key_span, severity::warning,
            fmt::format("`{}` is set again; the value of line {} is lost", s.key, to.key_span.line),
            "remove one of the two, or append with `+=`");
    }
    to.value = s.value;
    to.is_joined = false;
}

void extend(file const& f, setting const& s, effective_setting& to, diagnostics* out) {
    if (s.value.is_list() != to.value.is_list()) {
        report(f, out, s.value.span, severity::error,
               s.value.is_list()
                   ? fmt::format("a list cannot be appended to the text in `{}`", s.key)
                   : fmt::format("text cannot be appended to the list in `{}`", s.key),
               s.value.is_list() ? std::string() : "write the new item in square brackets");
        return;
    }
    // In place: a file of many appended items must not copy them all each time.
    if (s.value.is_list()) {
        auto& items = std::get<1>(to.value.data);
        items.insert(items.end(), s.value.list().begin(), s.value.list().end());
    } else {
        std::get<0>(to.value.data) += s.value.text();
        to.is_joined = true;
    }
    to.value.span = s.value.span;
}

} // namespace

std::vector<effective_setting> evaluate(file const& f, diagnostics* out, dialect d) {
    bool const is_exact = d == dialect::exact;
    std::vector<effective_setting> settings;
    std::unordered_map<std::string_view, std::size_t> places;
    for (auto const& s : f.settings) {
        auto const [known, is_new] = places.try_emplace(s.key, settings.size());
        if (is_new) {
            settings.push_back({s.key, s.value, s.key_span, is_exact && s.op == assign_op::append});
            continue;
        }
        effective_setting& to = settings[known->second];
        if (s.op == assign_op::set) {
            replace(f, s, to, is_exact ? nullptr : out);
        } else {
            extend(f, s, to, out);
            to.is_joined = to.is_joined || is_exact;
        }
        to.key_span = s.key_span;
    }
    return settings;
}

} // namespace xenpp::config
