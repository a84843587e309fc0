// SPDX-License-Identifier: Apache-2.0
// A scanner and a parser without recursion that accept what Xen 4.17's library accepts.
#include "config/grammar/exact.hpp"

#include "config/grammar/expectation.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace xenpp::config::grammar {
namespace {

enum class token_kind : std::uint8_t {
    end,
    newline, ///< also a comment with its newline
    semicolon,
    key,
    number,
    text,
    open,
    close,
    comma,
    set,
    append,
    wrong, ///< what 4.17's scanner calls a lexical error
};

struct token {
    token_kind kind = token_kind::end;
    char const* begin = nullptr;
    char const* end = nullptr;
    char const* fault = nullptr; ///< of `wrong`: where
    std::string_view which;      ///< of `wrong`: what was expected there
};

constexpr bool is_key_start(char c) {
    return c >= 'a' && c <= 'z';
}

constexpr bool is_key_part(char c) {
    return is_key_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

constexpr bool is_number_part(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x';
}

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr std::string_view simple_letters = "\"'\\abfnrtv";
constexpr std::string_view simple_codes = "\"'\\\a\b\f\n\r\t\v";

class scanner {
public:
    scanner(char const* begin, char const* end) : at_(begin), end_(end) {}

    token next() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) {
            ++at_;
        }
        if (at_ == end_) {
            return {token_kind::end, at_, at_, nullptr, {}};
        }
        switch (*at_) {
        case '\n': return take(token_kind::newline, 1);
        case ';': return take(token_kind::semicolon, 1);
        case '[': return take(token_kind::open, 1);
        case ']': return take(token_kind::close, 1);
        case ',': return take(token_kind::comma, 1);
        case '=': return take(token_kind::set, 1);
        case '+': return at_ + 1 != end_ && at_[1] == '=' ? take(token_kind::append, 2) : stray();
        case '#': return comment();
        case '"':
        case '\'': return text();
        default: return word();
        }
    }

    /// To the newline (or end) behind a mistake.
    void resume_at(char const* where) { at_ = std::find(where, end_, '\n'); }

private:
    token take(token_kind k, std::ptrdiff_t size) {
        char const* const begin = at_;
        at_ += size;
        return {k, begin, at_, nullptr, {}};
    }

    token wrong(char const* fault, std::string_view which) {
        return {token_kind::wrong, at_, end_, fault, which};
    }

    /// A character that begins no token. The very last one of a text is passed over: 4.17's
    /// scanner waits for what follows it before it complains.
    token stray() { return at_ + 1 == end_ ? take(token_kind::end, 1) : wrong(at_, {}); }

    /// A comment goes to its newline, without which it is no comment.
    token comment() {
        char const* const newline = std::find(at_, end_, '\n');
        return newline == end_ ? stray() : take(token_kind::newline, newline - at_ + 1);
    }

    token word() {
        auto const run = [this](auto is_part) {
            return std::find_if_not(at_, end_, is_part) - at_;
        };
        if (is_key_start(*at_)) {
            return take(token_kind::key, run(is_key_part));
        }
        return is_digit(*at_) ? take(token_kind::number, run(is_number_part)) : stray();
    }

    token text() {
        char const* p = at_ + 1;
        while (p != end_ && *p != '\n' && *p != *at_) {
            if (*p == '\0') {
                return wrong(p, expected_quote);
            }
            p += *p == '\\' ? 2 : 1;
            if (p > end_ || p[-1] == '\n') {
                return stray_text(p - 1);
            }
        }
        return p == end_ || *p == '\n' ? stray_text(p) : take(token_kind::text, p - at_ + 1);
    }

    token stray_text(char const* where) {
        return at_ + 1 == end_ ? take(token_kind::end, 1)
                               : wrong(std::min(where, end_), expected_quote);
    }

    char const* at_;
    char const* end_;
};

/// How many bytes C's strtoul would read of at most three from `p`, to base 10.
std::ptrdiff_t decimal_length(char const* p, char const* end) {
    char const* const last = std::min(p + 3, end);
    char const* at = std::find_if_not(
        p, last, [](char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n'); });
    if (at != last && (*at == '+' || *at == '-')) {
        ++at;
    }
    char const* const behind = std::find_if_not(at, last, is_digit);
    return behind == at ? 0 : behind - p;
}

/// The bytes of a string token; or null and in `fault` where 4.17 finds an escape wrong.
std::optional<std::string> decode(token const& t, char const*& fault) {
    char const* p = t.begin + 1;
    char const* const end = t.end - 1;
    char const* const plain = std::find(p, end, '\\');
    std::string out(p, plain);
    for (p = plain; p != end;) {
        if (*p != '\\') {
            out += *p++;
            continue;
        }
        fault = p;
        char const c = p[1];
        auto const simple = simple_letters.find(c);
        p += 2;
        if (simple != std::string_view::npos) {
            out += simple_codes[simple];
            continue;
        }
        // An octal escape skips its first digit, reads the rest as decimal, wants more than one
        // byte of it and stores nothing. A hexadecimal one wants more than it reads: it fails.
        std::ptrdiff_t const length = c >= '0' && c <= '7' ? decimal_length(p, t.end) : 0;
        if (length < 2) {
            return std::nullopt;
        }
        p += length;
    }
    return out;
}

/// Stands in for the states that 4.17's parser keeps: it gives up at ten thousand.
class state_count {
public:
    explicit state_count(std::size_t begin) : now(begin) {}

    bool fits(std::size_t more) const { return now + more < most; }

    std::size_t now;

private:
    static constexpr std::size_t most = 10000;
};

class exact_parser {
public:
    explicit exact_parser(parse_result& out)
        : out_(out)
        , text_(out.ast.sources.front().text)
        , counted_(text_.data())
        , in_(text_.data(), text_.data() + text_.size()) {}

    void parse() {
        advance();
        while (now_.kind != token_kind::end) {
            if (now_.kind == token_kind::newline || now_.kind == token_kind::semicolon) {
                advance();
                continue;
            }
            start_ = now_.begin;
            if (!parse_setting()) {
                if (!out_.diagnostics.wants(severity::error)) {
                    return;
                }
                in_.resume_at(fault_);
                advance();
            }
        }
    }

private:
    struct open_list {
        std::vector<value> items;
        source_span where;
        std::size_t states = 0; ///< before the bracket
    };

    void advance() { now_ = in_.next(); }

    /// Of what is not before the last one that was asked for.
    source_span span(char const* begin, char const* end) {
        line_ += static_cast<std::uint32_t>(std::count(counted_, begin, '\n'));
        counted_ = begin;
        auto const offset = [this](char const* p) {
            return static_cast<std::uint32_t>(p - text_.data());
        };
        return {0, offset(begin), offset(end), line_};
    }

    bool parse_setting() {
        if (now_.kind != token_kind::key) {
            return fail(expected_key);
        }
        setting s;
        s.key.assign(now_.begin, now_.end);
        s.key_span = span(now_.begin, now_.end);
        advance();
        if (now_.kind != token_kind::set && now_.kind != token_kind::append) {
            return fail(expected_operator);
        }
        s.op = now_.kind == token_kind::set ? assign_op::set : assign_op::append;
        advance();
        if (!parse_value(s.value)) {
            return false;
        }
        if (now_.kind != token_kind::newline && now_.kind != token_kind::semicolon &&
            now_.kind != token_kind::end) {
            return fail(expected_end);
        }
        out_.ast.settings.push_back(std::move(s));
        return true;
    }

    bool parse_value(value& to) {
        std::vector<open_list> lists;
        // The initial state, the statements before, the key, the operator.
        state_count states(4);
        for (;;) {
            value v;
            if (now_.kind == token_kind::open) {
                lists.push_back({{}, span(now_.begin, now_.end), states.now});
                states.now += 2;
                advance();
                if (!skip_newlines(states)) {
                    return false;
                }
                if (now_.kind != token_kind::close) {
                    continue;
                }
            } else if (!parse_atom(v, states, lists.empty())) {
                return false;
            } else if (lists.empty()) {
                to = std::move(v);
                return true;
            } else if (!close_item(lists.back(), std::move(v), states)) {
                return false;
            }
            while (now_.kind == token_kind::close) {
                v = close_list(lists, states);
                if (lists.empty()) {
                    to = std::move(v);
                    return true;
                }
                if (!close_item(lists.back(), std::move(v), states)) {
                    return false;
                }
            }
        }
    }

    bool parse_atom(value& v, state_count& states, bool is_outermost) {
        if (now_.kind != token_kind::text && now_.kind != token_kind::number) {
            return fail(is_outermost ? expected_value : expected_item);
        }
        if (now_.kind == token_kind::number) {
            v.data = std::string(now_.begin, now_.end);
        } else {
            char const* fault = nullptr;
            auto decoded = decode(now_, fault);
            if (!decoded) {
                return fail_at(fault + 1, "Xen 4.17 does not read this escape",
                               "it reads \\\" \\' \\\\ \\a \\b \\f \\n \\r \\t \\v alone");
            }
            v.data = *std::move(decoded);
        }
        v.span = span(now_.begin, now_.end);
        if (!states.fits(1)) {
            return fail_deep();
        }
        advance();
        return true;
    }

    /// Behind an item: newlines, and either a comma with newlines of its own or the bracket.
    bool close_item(open_list& list, value&& v, state_count& states) {
        ++states.now; // the item
        ++states.now; // its newlines
        if (!skip_newlines(states)) {
            return false;
        }
        list.items.push_back(std::move(v));
        states.now = list.states + 3; // bracket, newlines, the items as one
        if (now_.kind == token_kind::close) {
            return states.fits(1) || fail_deep();
        }
        if (now_.kind != token_kind::comma) {
            return fail(expected_separator);
        }
        states.now += 2; // the comma, its newlines
        advance();
        return skip_newlines(states);
    }

    value close_list(std::vector<open_list>& lists, state_count& states) {
        value v;
        states.now = lists.back().states;
        v.span = lists.back().where;
        v.span.end = static_cast<std::uint32_t>(now_.end - text_.data());
        v.data = std::move(lists.back().items);
        lists.pop_back();
        advance();
        return v;
    }

    bool skip_newlines(state_count const& states) {
        if (!states.fits(now_.kind == token_kind::newline ? 1 : 0)) {
            return fail_deep();
        }
        while (now_.kind == token_kind::newline) {
            advance();
        }
        return true;
    }

    bool fail_deep() { return fail_at(now_.begin, "lists are nested too deep for Xen 4.17", {}); }

    bool fail(std::string_view which) {
        bool const is_wrong = now_.kind == token_kind::wrong;
        auto const a =
            explain(start_, is_wrong ? now_.fault : now_.begin, text_.data() + text_.size(),
                    is_wrong && !now_.which.empty() ? now_.which : which);
        return add(a.where, a.end, a.message, a.suggestion);
    }

    bool fail_at(char const* where, std::string message, std::string suggestion) {
        return add(where, where + (where != text_.data() + text_.size()), std::move(message),
                   std::move(suggestion));
    }

    bool add(char const* where, char const* end, std::string message, std::string suggestion) {
        auto const line = static_cast<std::uint32_t>(std::count(text_.data(), where, '\n') + 1);
        auto const offset = [this](char const* p) {
            return static_cast<std::uint32_t>(p - text_.data());
        };
        out_.diagnostics.items.push_back(
            make_diagnostic(out_.ast, {0, offset(where), offset(end), line}, severity::error,
                            std::move(message), std::move(suggestion)));
        fault_ = std::max(where, now_.begin);
        return false;
    }

    parse_result& out_;
    std::string const& text_;
    char const* counted_; ///< lines are counted up to here
    std::uint32_t line_ = 1;
    scanner in_;
    token now_;
    char const* start_ = nullptr;
    char const* fault_ = nullptr;
};

} // namespace

void parse_exactly(parse_result& out) {
    exact_parser(out).parse();
}

} // namespace xenpp::config::grammar
