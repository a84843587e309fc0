// SPDX-License-Identifier: Apache-2.0
// Turns "X was expected here" into what the author did and what to write instead.
#include "config/grammar/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace xenpp::config::grammar {
namespace {

bool is_key_start(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_key_part(char c) {
    return is_key_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

bool is_word_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

char const* skip_blanks(char const* p, char const* last) {
    while (p != last && (*p == ' ' || *p == '\t')) {
        ++p;
    }
    return p;
}

char const* line_end(char const* p, char const* last) {
    return std::find(p, last, '\n');
}

/// The run of word characters at `p`, or the one character there.
std::string_view word_at(char const* p, char const* last) {
    char const* end = std::find_if_not(p, last, is_word_part);
    if (end == p && p != last && *p != '\n') {
        ++end;
    }
    return {p, static_cast<std::size_t>(end - p)};
}

std::string lowered(std::string_view word) {
    std::string out(word);
    for (char& c : out) {
        c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

std::string found(char const* p, char const* last) {
    if (p == last) {
        return "the end of the file";
    }
    auto const c = static_cast<unsigned char>(*p);
    if (*p == '\n') {
        return "the end of the line";
    }
    if (c == '\r') {
        return "a carriage return in the middle of a line";
    }
    if (c < 0x20 || c == 0x7f) {
        return fmt::format("the control character 0x{:02x}", c);
    }
    if (c >= 0x80) {
        return "a character outside ASCII";
    }
    return fmt::format("`{}`", word_at(p, last));
}

/// Where the parser stood, with blanks passed over.
struct place {
    char const* start;
    char const* where;
    char const* last;

    std::string_view word() const { return word_at(where, last); }

    char next() const { return where == last ? '\n' : *where; }

    /// The character before `where`, blanks passed over.
    char const* before() const {
        char const* p = where;
        while (p != start && (p[-1] == ' ' || p[-1] == '\t')) {
            --p;
        }
        return p == start ? start : p - 1;
    }

    advice say(std::string message, std::string suggestion = {}) const {
        auto const size = word().size();
        return {where, where + size, std::move(message), std::move(suggestion)};
    }

    advice expected(std::string_view which) const {
        return say(fmt::format("expected {}, found {}", which, found(where, last)));
    }
};

advice explain_key(place const& p) {
    auto const word = p.word();
    std::string const lower = lowered(word);
    if (!word.empty() && is_key_start(lower[0]) && lower != word) {
        return p.say(fmt::format("keys are written in lower case, found `{}`", word),
                     fmt::format("did you mean `{}`?", lower));
    }
    if (p.next() == ']' || p.next() == '}' || p.next() == ')') {
        return p.say(fmt::format("`{}` closes nothing", p.next()));
    }
    if (p.next() == '=') {
        return p.say("expected a key before `=`", "a key and its `=` stand on one line");
    }
    return p.expected(expected_key);
}

advice explain_operator(place const& p) {
    std::string_view const key(
        p.start,
        static_cast<std::size_t>(std::find_if_not(p.start, p.last, is_key_part) - p.start));
    constexpr std::string_view python_words[] = {"import", "def", "from", "if", "for", "print"};
    if (std::find(std::begin(python_words), std::end(python_words), key) !=
        std::end(python_words)) {
        return p.say(fmt::format("`{}` is Python; a configuration only sets keys", key),
                     "write `key = value`");
    }
    std::string_view const whole(
        p.start,
        static_cast<std::size_t>(
            std::find_if_not(p.start, p.last, [](char c) { return is_word_part(c) || c == '.'; }) -
            p.start));
    if (whole.size() > key.size()) {
        return {
            p.start, p.start + whole.size(),
            fmt::format("`{}` is no key: keys are lower-case letters, digits, `_` and `.`", whole),
            fmt::format("did you mean `{}`?", lowered(whole))};
    }
    if (p.next() == '\n') {
        return p.say(fmt::format("expected {} behind `{}`, found {}", expected_operator, key,
                                 found(p.where, p.last)),
                     "a key, its `=` and the beginning of its value stand on one line");
    }
    return p.expected(fmt::format("{} behind `{}`", expected_operator, key));
}

/// A word where a value should be.
advice explain_bare_word(place const& p) {
    auto const word = p.word();
    std::string const lower = lowered(word);
    if (lower == "true" || lower == "yes" || lower == "on") {
        return p.say(fmt::format("`{}` is no value", word), "for true write 1");
    }
    if (lower == "false" || lower == "no" || lower == "off" || lower == "none") {
        return p.say(fmt::format("`{}` is no value", word), "for false write 0");
    }
    return p.say(fmt::format("`{}` needs quotes", word), fmt::format("write \"{}\"", word));
}

advice explain_value(place const& p) {
    char const c = p.next();
    if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_') {
        return explain_bare_word(p);
    }
    if ((c == '-' || c == '+') && p.where + 1 != p.last &&
        std::isdigit(static_cast<unsigned char>(p.where[1])) != 0) {
        char const* end = std::find_if_not(p.where + 1, p.last, is_word_part);
        std::string_view const text(p.where, static_cast<std::size_t>(end - p.where));
        return {p.where, end, "a number with a sign needs quotes",
                fmt::format("write \"{}\"", text)};
    }
    if (c == '(' || c == '{') {
        return p.say(fmt::format("`{}` begins no value: this is not Python", c),
                     "a list is written in square brackets");
    }
    if (c == '/' || c == '.') {
        return p.say("a path needs quotes");
    }
    if (c == '\n' || c == ';') {
        return p.say(fmt::format("expected {}, found {}", expected_value, found(p.where, p.last)),
                     "a value begins on the line of its key; an empty one is written \"\" or []");
    }
    return p.expected(expected_value);
}

/// Something behind a complete value.
advice explain_end(place const& p) {
    char const c = p.next();
    char const* before = p.before();
    bool const is_behind_string = *before == '"' || *before == '\'';
    if ((c == '"' || c == '\'') && is_behind_string) {
        return p.where == before + 1 && before != p.start && before[-1] == *before && c == *before
                   ? p.say("triple quotes are Python; a string ends on its line",
                           "write \\n for a line break inside a string")
                   : p.say("a second string behind a string: they are not joined as in Python",
                           "write one string, or use `+=`");
    }
    if (c == '+' || c == '%' || c == '.' || c == '(') {
        return p.say(fmt::format("`{}` computes nothing here: this is not Python", c),
                     "write the value itself, or append with `+=`");
    }
    bool const is_behind_number = std::isalnum(static_cast<unsigned char>(*before)) != 0;
    if (is_behind_number && before + 1 == p.where && is_word_part(c)) {
        char const* begin = p.where;
        while (begin != p.start && is_word_part(begin[-1])) {
            --begin;
        }
        char const* end = std::find_if_not(p.where, p.last, is_word_part);
        return {begin, end,
                fmt::format("`{}` is no number: numbers take no unit and no sign of grouping",
                            std::string_view(begin, static_cast<std::size_t>(end - begin))),
                "text needs quotes"};
    }
    if (is_key_start(c)) {
        return p.say(fmt::format("expected {}, found {}", expected_end, found(p.where, p.last)),
                     "one setting a line, or `;` between two");
    }
    if (c == '\\') {
        return p.say("a line is not continued by `\\`", "only a list may span lines");
    }
    return p.expected(expected_end);
}

/// The opening bracket of the innermost list around `where`.
char const* open_bracket(place const& p) {
    std::string_view const text(p.start, static_cast<std::size_t>(p.where - p.start));
    int closed = 0;
    for (std::size_t i = text.size(); i-- > 0;) {
        if (text[i] == ']') {
            ++closed;
        } else if (text[i] == '[' && closed-- == 0) {
            return p.start + i;
        }
    }
    return p.start;
}

bool begins_setting(char const* p, char const* last) {
    char const* const behind = skip_blanks(std::find_if_not(p, last, is_key_part), last);
    return p != last && is_key_start(*p) && behind != last && (*behind == '=' || *behind == '+');
}

advice explain_list(place const& p, std::string_view which) {
    char const c = p.next();
    if (p.where == p.last || begins_setting(p.where, p.last)) {
        char const* const open = open_bracket(p);
        return {open, open + 1, "the list that begins here is not closed", "end it with `]`"};
    }
    if (c == ';') {
        return p.say("`;` does not separate the items of a list", "write `,`");
    }
    if (which == expected_item) {
        if (c == ',') {
            return p.say("an item is missing before `,`");
        }
        return explain_value(p);
    }
    if (c == '"' || c == '\'' || c == '[' || std::isdigit(static_cast<unsigned char>(c)) != 0) {
        return p.say("expected `,` or `]` before the next item", "separate items with `,`");
    }
    return explain_end(p).suggestion.empty()
               ? p.expected(which)
               : advice{p.where,
                        p.where + p.word().size(),
                        fmt::format("expected {}, found {}", which, found(p.where, p.last)),
                        {}};
}

/// Behind the string that `open` begins: behind its closing quote, or at the end of its line.
char const* string_end(char const* open, char const* last) {
    char const* p = open + 1;
    while (p != last && *p != '\n' && *p != *open) {
        p += *p == '\\' && p + 1 != last && p[1] != '\n' ? 2 : 1;
    }
    return p != last && *p == *open ? p + 1 : p;
}

/// What stands at `p`, passed over: a string, a comment (without its newline), or one character.
char const* skip_token(char const* p, char const* last) {
    if (*p == '"' || *p == '\'') {
        return string_end(p, last);
    }
    return *p == '#' ? line_end(p, last) : p + 1;
}

/// The quote that opened the string in which `where` lies.
char const* open_quote(place const& p) {
    char const* token = p.start;
    while (token < p.where) {
        char const* const behind = skip_token(token, p.last);
        if (behind >= p.where && (*token == '"' || *token == '\'')) {
            return token;
        }
        token = behind;
    }
    return p.start;
}

advice explain_quote(place const& p) {
    if (p.where != p.last && *p.where == '\0') {
        return p.say("a string cannot hold a NUL byte");
    }
    char const* const open = open_quote(p);
    return {open, p.where, fmt::format("this string has no closing {}", *open),
            "a string ends on its line"};
}

advice explain_escape(place const& p) {
    char const* const end = p.where == p.last ? p.where : p.where + 1;
    char const* const begin = p.where[-1] == '\\' ? p.where - 1 : p.where;
    if (p.where != p.last && *p.where >= '0' && *p.where <= '7') {
        return {begin, end, "an octal escape names a byte from \\1 to \\377", {}};
    }
    if (p.next() == '\n') {
        return {begin, end, "a line is not continued by `\\`", "a string ends on its line"};
    }
    return {begin, end, fmt::format("`\\{}` is no escape", *p.where),
            "write \\\\ for a backslash; escapes are \\\" \\' \\\\ \\a \\b \\f \\n \\r \\t \\v "
            "\\xHH \\NNN"};
}

} // namespace

advice explain(char const* start, char const* where, char const* last, std::string_view which) {
    if (which == expected_quote) {
        return explain_quote({start, where, last});
    }
    if (which == expected_escape) {
        return explain_escape({start, where, last});
    }
    if (which == expected_hex) {
        char const* const end = std::find_if_not(where, std::min(last, where + 2), is_word_part);
        return {where - 2, end, "\\x takes two hexadecimal digits, not 00", {}};
    }
    // Inside a list newlines and comments were passed over; on one line only blanks.
    place const p{start, skip_blanks(where, last), last};
    if (which == expected_key) {
        return explain_key(p);
    }
    if (which == expected_operator) {
        return explain_operator(p);
    }
    if (which == expected_value) {
        return explain_value(p);
    }
    if (which == expected_item || which == expected_separator) {
        return explain_list(p, which);
    }
    if (which == expected_depth) {
        return p.say("lists are nested too deep");
    }
    return explain_end(p);
}

char const* resume_point(char const* start, char const* where, char const* last) {
    int depth = 0;
    char const* p = start;
    while (p != last) {
        bool const is_behind = *p == '\n' && p >= where;
        if (is_behind && (depth <= 0 || begins_setting(skip_blanks(p + 1, last), last))) {
            return p;
        }
        if (*p == '[') {
            ++depth;
        } else if (*p == ']') {
            --depth;
        }
        p = skip_token(p, last);
    }
    return last;
}

} // namespace xenpp::config::grammar
