// SPDX-License-Identifier: Apache-2.0
// Parsing and evaluating filters.
#include <xenpp/cli/filter.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace xenpp::cli {
namespace {

using op = filter::op;

// Longer spellings first.
constexpr std::array<std::pair<std::string_view, op>, 9> comparisons{{
    {"==", op::equal},
    {"!=", op::unequal},
    {"<=", op::less_or_equal},
    {">=", op::greater_or_equal},
    {"!~", op::contains_not},
    {"=", op::equal},
    {"<", op::less},
    {">", op::greater},
    {"~", op::contains},
}};

constexpr std::string_view blanks = " \t";
constexpr std::string_view no_word = " \t()&|!<>=~\"'";

/// A number with its suffix; nothing if the text is none.
std::optional<double> to_number(std::string_view text) {
    constexpr std::string_view suffixes = "kmgt";
    double n = 0;
    auto const end = text.data() + text.size();
    auto const [rest, ec] = std::from_chars(text.data(), end, n);
    if (text.empty() || ec != std::errc()) {
        return std::nullopt;
    }
    std::string_view const suffix(rest, static_cast<std::size_t>(end - rest));
    if (suffix.empty() || suffix == "%") {
        return n;
    }
    auto const at = suffixes.find(static_cast<char>(suffix[0] | 0x20));
    if (suffix.size() != 1 || at == std::string_view::npos) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i <= at; ++i) {
        n *= 1024;
    }
    return n;
}

class parser {
public:
    parser(std::string_view text, std::span<std::string_view const> fields)
        : text_(text), fields_(fields) {}

    expected<std::vector<filter::step>, filter_error> run() {
        skip();
        if (at_ == text_.size()) {
            return std::vector<filter::step>();
        }
        XENPP_TRY(expression(0));
        if (at_ != text_.size()) {
            return wrong("an operator (&&, ||) is missing");
        }
        return std::move(steps_);
    }

private:
    using done = expected<void, filter_error>;

    unexpected<filter_error> wrong(std::string reason) const {
        return unexpected(filter_error{at_, std::move(reason)});
    }

    void skip() { at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size()); }

    /// Takes a symbol, or a word that stands alone.
    bool take(std::string_view symbol, std::string_view word = {}) {
        auto const rest = text_.substr(at_);
        auto const after = rest.substr(std::min(word.size(), rest.size()));
        bool const is_word = !word.empty() && rest.starts_with(word) &&
                             (after.empty() || no_word.find(after[0]) != std::string_view::npos);
        if (!rest.starts_with(symbol) && !is_word) {
            return false;
        }
        at_ += is_word ? word.size() : symbol.size();
        skip();
        return true;
    }

    /// Operands with an operator of one rank between them.
    template <class Next>
    done chain(Next next, std::string_view symbol, std::string_view word, op what) {
        XENPP_TRY(next());
        while (take(symbol, word)) {
            XENPP_TRY(next());
            steps_.push_back({.op = what});
        }
        return {};
    }

    done expression(unsigned depth) {
        if (depth == filter::most_depth) {
            return wrong("it is nested too deep");
        }
        auto const factors = [&] { return factor(depth); };
        auto const terms = [&] { return chain(factors, "&&", "and", op::both); };
        return chain(terms, "||", "or", op::either);
    }

    done factor(unsigned depth) {
        if (take("!", "not")) {
            if (depth + 1 == filter::most_depth) {
                return wrong("it is nested too deep");
            }
            XENPP_TRY(factor(depth + 1));
            steps_.push_back({.op = op::negation});
            return {};
        }
        if (take("(")) {
            XENPP_TRY(expression(depth + 1));
            return take(")") ? done() : wrong("a ) is missing");
        }
        return comparison();
    }

    expected<std::string, filter_error> word(std::string_view what) {
        if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
            auto const end = text_.find(text_[at_], at_ + 1);
            if (end == std::string_view::npos) {
                return wrong("the quote has no end");
            }
            std::string out(text_.substr(at_ + 1, end - at_ - 1));
            at_ = end + 1;
            skip();
            return out;
        }
        auto const end = std::min(text_.find_first_of(no_word, at_), text_.size());
        if (end == at_) {
            return wrong(fmt::format("{} is missing", what));
        }
        std::string out(text_.substr(at_, end - at_));
        at_ = end;
        skip();
        return out;
    }

    done comparison() {
        auto const begin = at_;
        auto const left = XENPP_TRY(word("a field or a pattern"));
        for (auto const& [spelling, what] : comparisons) {
            if (!take(spelling)) {
                continue;
            }
            auto const field = std::ranges::find(fields_, left);
            if (field == fields_.end()) {
                at_ = begin;
                auto const near = config::nearest(left, {fields_.begin(), fields_.end()});
                return wrong(fmt::format(
                    "there is no column \"{}\"{}", left,
                    near.empty() ? std::string() : fmt::format(", did you mean \"{}\"?", near)));
            }
            push(what, static_cast<std::size_t>(field - fields_.begin()),
                 XENPP_TRY(word("a value")));
            return {};
        }
        push(op::contains, 0, left);
        return {};
    }

    void push(op what, std::size_t field, std::string text) {
        auto const n = to_number(text);
        steps_.push_back({what, field, std::move(text), n.has_value(), n.value_or(0)});
    }

    std::string_view text_;
    std::span<std::string_view const> fields_;
    std::size_t at_ = 0;
    std::vector<filter::step> steps_;
};

std::string to_words(value const& v) {
    if (auto const* s = std::get_if<std::string>(&v)) {
        return *s;
    }
    if (auto const* b = std::get_if<bool>(&v)) {
        return *b ? "true" : "false";
    }
    if (auto const* n = std::get_if<std::uint64_t>(&v)) {
        return fmt::format("{}", *n);
    }
    auto const* d = std::get_if<double>(&v);
    return d != nullptr ? fmt::format("{:.1f}", *d) : std::string();
}

template <class T>
bool compare(op what, T const& a, T const& b) {
    switch (what) {
    case op::equal: return a == b;
    case op::unequal: return a != b;
    case op::less: return a < b;
    case op::less_or_equal: return a <= b;
    case op::greater: return a > b;
    case op::greater_or_equal: return a >= b;
    default: return false;
    }
}

bool holds(filter::step const& s, value const& v) {
    if (std::holds_alternative<std::monostate>(v)) {
        return s.op == op::unequal || s.op == op::contains_not;
    }
    if (s.op == op::contains || s.op == op::contains_not) {
        return contains_pattern(to_words(v), s.text) == (s.op == op::contains);
    }
    if (s.is_number) {
        if (auto const* n = std::get_if<std::uint64_t>(&v)) {
            return compare(s.op, static_cast<double>(*n), s.number);
        }
        if (auto const* d = std::get_if<double>(&v)) {
            return compare(s.op, *d, s.number);
        }
    }
    return compare(s.op, to_words(v), s.text);
}

} // namespace

bool contains_pattern(std::string_view text, std::string_view pattern) noexcept {
    // The pattern with a * before and behind; `retry` is where the last * may swallow more.
    std::size_t t = 0;
    std::size_t p = 0;
    std::size_t retry_t = 0;
    std::size_t retry_p = 0;
    for (;;) {
        if (p == pattern.size()) {
            return true;
        }
        if (pattern[p] == '*') {
            retry_p = ++p;
            retry_t = t;
        } else if (t == text.size()) {
            return false;
        } else if (pattern[p] == '?' || pattern[p] == text[t]) {
            ++p;
            ++t;
        } else {
            p = retry_p;
            t = ++retry_t;
        }
    }
}

expected<filter, filter_error> filter::parse(std::string_view text,
                                             std::span<std::string_view const> fields) {
    filter out;
    out.steps_ = XENPP_TRY(parser(text, fields).run());
    return out;
}

bool filter::matches(std::function<value(std::size_t)> const& field) const {
    std::vector<bool> stack;
    auto const pop = [&stack] {
        bool const b = stack.back();
        stack.pop_back();
        return b;
    };
    for (auto const& s : steps_) {
        bool result = false;
        switch (s.op) {
        case op::negation: result = !pop(); break;
        case op::both:
        case op::either: {
            bool const b = pop();
            bool const a = pop();
            result = s.op == op::both ? a && b : a || b;
            break;
        }
        default: result = holds(s, field(s.field));
        }
        stack.push_back(result);
    }
    return stack.empty() || stack.back();
}

} // namespace xenpp::cli
