// SPDX-License-Identifier: Apache-2.0
// The grammar of a configuration file: settings, values, lists, strings, numbers.
#pragma once

#include "config/grammar/context.hpp"
#include "config/grammar/expectation.hpp"

#include <boost/fusion/include/adapt_struct.hpp>

BOOST_FUSION_ADAPT_STRUCT(xenpp::config::grammar::raw_setting, key, op, value)

namespace xenpp::config::grammar {

using x3::char_;
using x3::eoi;
using x3::eps;
using x3::lexeme;
using x3::lit;
using x3::omit;
using x3::raw;

struct setting_class : annotate, resume_behind {};

struct value_class : annotate {};

// clang-format off
x3::rule<struct file_class, std::vector<raw_setting>>    const file_rule  = "a file";
// A rule with a semantic action fills no attribute by itself: actions stand in rules of their own.
x3::rule<struct line_class, raw_setting>                 const line       = "a line";
x3::rule<setting_class, raw_setting>                     const setting    = "a setting";
x3::rule<struct begin_class>                             const begin      = expected_key;
x3::rule<struct key_class, std::string>                  const key        = expected_key;
x3::rule<struct op_class, assign_op>                     const op         = expected_operator;
x3::rule<struct end_class>                               const end        = expected_end;
x3::rule<value_class, raw_value>                         const value_rule = expected_value;
x3::rule<struct list_class, std::vector<raw_value>>      const list       = "a list";
x3::rule<struct item_class, raw_value>                   const item       = "an item";
x3::rule<struct open_class>                              const open       = expected_depth;
x3::rule<struct close_class>                             const close      = expected_item;
x3::rule<struct separator_class>                         const separator  = expected_separator;
x3::rule<struct number_class, std::string>               const number     = "a number";
x3::rule<struct text_class, std::string>                 const text       = "a string";
x3::rule<struct escape_class, char>                      const escape     = expected_escape;
x3::rule<struct hex_class, char>                         const hex        = expected_hex;
x3::rule<struct octal_class, char>                       const octal      = "an octal code";
x3::rule<struct double_quote_class>                      const end_double = expected_quote;
x3::rule<struct single_quote_class>                      const end_single = expected_quote;

// clang-format on

/// The escapes of one letter, the same in both kinds of quotes.
struct simple_escape_table : x3::symbols<char> {
    simple_escape_table() {
        add("\"", '"')("'", '\'')("\\", '\\')("a", '\a')("b", '\b')("f", '\f')("n", '\n')(
            "r", '\r')("t", '\t')("v", '\v');
    }
} const simple_escape;

struct operator_table : x3::symbols<assign_op> {
    operator_table() { add("=", assign_op::set)("+=", assign_op::append); }
} const operator_symbol;

/// A code that can stand in a string: any byte but NUL, which C programs take for the end.
struct store_code {
    template <class Context>
    void operator()(Context& context) const {
        auto const code = x3::_attr(context);
        x3::_pass(context) = code != 0 && code <= 0xff;
        x3::_val(context) = static_cast<char>(code);
    }
};

struct enter_list {
    template <class Context>
    void operator()(Context& context) const {
        error_keeper& keeper = x3::get<error_keeper_tag>(context).get();
        x3::_pass(context) = keeper.depth < max_list_depth;
        ++keeper.depth;
    }
};

struct leave_list {
    template <class Context>
    void operator()(Context& context) const {
        --x3::get<error_keeper_tag>(context).get().depth;
    }
};

struct begin_setting {
    template <class Context>
    void operator()(Context& context) const {
        x3::get<error_keeper_tag>(context).get().depth = 0;
    }
};

inline constexpr x3::uint_parser<unsigned, 16, 2, 2> hex_code{};
inline constexpr x3::uint_parser<unsigned, 8, 1, 3> octal_code{};

auto const newline = lexeme[-lit('\r') >> '\n'];
auto const newlines = omit[*newline];
auto const stops = omit[*(newline | ';')];
/// Blanks and comments; a comment's newline still ends the setting.
auto const skipper = char_(" \t") | lexeme['#' >> *(char_ - '\n')];

// A setting is begun by anything but the end, so that whatever stands there is reported.
auto const file_rule_def = stops >> *line >> eoi;
auto const line_def = setting >> stops;
auto const setting_def = begin > key > op > value_rule > end;
auto const begin_def = omit[!eoi >> eps[begin_setting{}]];
auto const key_def = raw[lexeme[char_('a', 'z') >> *char_("a-z0-9._")]];
auto const op_def = operator_symbol;
auto const end_def = omit[&(newline | ';' | eoi)];

auto const value_rule_def = text | number | list;
auto const list_def = '[' > open > newlines > *item > close;
auto const item_def = value_rule > newlines > separator;
auto const open_def = eps[enter_list{}];
auto const close_def = lit(']')[leave_list{}];
auto const separator_def = omit[(',' >> newlines) | &lit(']')];

auto const number_def = raw[lexeme[char_('0', '9') >> *char_("0-9a-fA-FxX")]];
auto const plain = char_ - (char_("\\\n") | '\0');
auto const text_def = lexeme[('"' > *((plain - '"') | ('\\' > escape)) > end_double) |
                             ('\'' > *((plain - '\'') | ('\\' > escape)) > end_single)];
auto const escape_def = simple_escape | ('x' > hex) | octal;
auto const octal_def = octal_code[store_code{}];
auto const hex_def = hex_code[store_code{}];
auto const end_double_def = omit[lit('"')];
auto const end_single_def = omit[lit('\'')];

BOOST_SPIRIT_DEFINE(file_rule, line, setting, begin, key, op, end, value_rule, list, item)
BOOST_SPIRIT_DEFINE(
    open, close, separator, number, text, escape, hex, octal, end_double, end_single)

} // namespace xenpp::config::grammar
