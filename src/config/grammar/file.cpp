// SPDX-License-Identifier: Apache-2.0
// The one translation unit that knows X3: runs the grammar and turns its tree into ours.
#include "config/grammar/exact.hpp"
#include "config/grammar/file_def.hpp"

#include <algorithm>

namespace xenpp::config {
namespace grammar {
namespace {

using skipper_type = std::remove_const_t<decltype(skipper)>;
using phrase_context = x3::phrase_parse_context<skipper_type>::type;
using context_type =
    x3::context<error_keeper_tag, std::reference_wrapper<error_keeper>, phrase_context>;

/// Line numbers for offsets that only grow: one pass over the text in all.
class line_counter {
public:
    explicit line_counter(std::string_view text) : text_(text) {}

    std::uint32_t at(std::size_t offset) {
        if (offset < offset_) {
            offset_ = 0;
            line_ = 1;
        }
        line_ += static_cast<std::uint32_t>(
            std::count(text_.begin() + static_cast<std::ptrdiff_t>(offset_),
                       text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
        offset_ = offset;
        return line_;
    }

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    std::uint32_t line_ = 1;
};

class converter {
public:
    explicit converter(std::string_view text) : text_(text), lines_(text) {}

    config::setting operator()(raw_setting&& from) {
        config::setting to;
        to.key_span = span({from.begin, from.begin + from.key.size()});
        to.key = std::move(from.key);
        to.op = from.op;
        to.value = convert(std::move(from.value));
        return to;
    }

private:
    source_span span(extent e) {
        auto const begin = static_cast<std::size_t>(e.begin - text_.data());
        auto const end = static_cast<std::size_t>(e.end - text_.data());
        return {0, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end),
                lines_.at(begin)};
    }

    config::value convert(raw_value&& from) {
        config::value to;
        to.span = span(from);
        if (auto* text = boost::get<std::string>(&from.get())) {
            to.data = std::move(*text);
            return to;
        }
        std::vector<config::value> items;
        for (auto& item : *boost::get<std::vector<raw_value>>(&from.get())) {
            items.push_back(convert(std::move(item)));
        }
        to.data = std::move(items);
        return to;
    }

    std::string_view text_;
    line_counter lines_;
};

} // namespace

// A mismatch of iterator or context would otherwise surface as an undefined parse_rule.
static_assert(std::is_same_v<context_type,
                             std::remove_cvref_t<decltype(x3::make_context<error_keeper_tag>(
                                 std::declval<std::reference_wrapper<error_keeper>&>(),
                                 std::declval<phrase_context const&>()))>>,
              "the context that file_rule is instantiated with is the one that parse passes");
BOOST_SPIRIT_INSTANTIATE(decltype(file_rule), iterator, context_type)

iterator error_keeper::recover(iterator start, iterator where, std::string const& which) {
    advice const a = explain(start, where, end_, which);
    auto const offset = [this](iterator i) { return static_cast<std::uint32_t>(i - begin_); };
    auto const line_number = static_cast<std::uint32_t>(std::count(begin_, a.where, '\n') + 1);
    auto& found = out_.diagnostics;
    found.items.push_back(make_diagnostic(out_.ast,
                                          {0, offset(a.where), offset(a.end), line_number},
                                          severity::error, a.message, a.suggestion));
    return found.wants(severity::error) ? resume_point(start, where, end_) : end_;
}

} // namespace grammar

parse_result parse(std::string_view text, std::string_view file_name, dialect d) {
    parse_result out;
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (d != dialect::exact && text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    bool const is_too_long = text.size() > max_text_size;
    out.ast.sources.push_back({std::string(file_name), std::string(is_too_long ? "" : text)});
    if (is_too_long) {
        out.diagnostics.items.push_back(
            make_diagnostic(out.ast, {}, severity::error,
                            "the text is longer than 16 MiB: is this a configuration?"));
        return out;
    }
    if (d == dialect::exact) {
        grammar::parse_exactly(out);
        return out;
    }
    std::string const& kept = out.ast.sources.front().text;
    grammar::iterator first = kept.data();
    grammar::iterator const last = first + kept.size();
    grammar::error_keeper keeper(first, last, out);
    std::vector<grammar::raw_setting> settings;
    auto const with_keeper =
        grammar::x3::with<grammar::error_keeper_tag>(std::ref(keeper))[grammar::file_rule];
    bool const whole =
        grammar::x3::phrase_parse(first, last, with_keeper, grammar::skipper, settings);
    if (!whole && !out.diagnostics.has_errors()) {
        keeper.recover(first, first, grammar::expected_key);
    }
    grammar::converter convert(kept);
    for (auto& s : settings) {
        if (s.begin != nullptr) { // null: reported, and left out
            out.ast.settings.push_back(convert(std::move(s)));
        }
    }
    return out;
}

} // namespace xenpp::config
