// SPDX-License-Identifier: Apache-2.0
// What the grammars of configuration texts share: iterator, raw tree, and the keeper of errors.
#pragma once

#include <xenpp/config/parse.hpp>

#include <boost/spirit/home/x3.hpp>
#include <boost/spirit/home/x3/support/ast/variant.hpp>
#include <boost/spirit/home/x3/support/utility/annotate_on_success.hpp>

#include <functional>
#include <string>
#include <vector>

namespace xenpp::config::grammar {

namespace x3 = boost::spirit::x3;

using iterator = char const*;

/// A node's place in the text; `begin` is null in a node that did not parse.
struct extent {
    iterator begin = nullptr;
    iterator end = nullptr;
};

/// X3's own variant in place of std::variant, which it cannot fill.
struct raw_value : x3::variant<std::string, std::vector<raw_value>>, extent {
    using base_type::base_type;
    using base_type::operator=;
};

struct raw_key : extent {
    std::string text;
};

struct raw_setting : extent {
    std::string key;
    assign_op op = assign_op::set;
    raw_value value;
};

/// Collects what goes wrong and says where to go on.
class error_keeper {
public:
    error_keeper(iterator begin, iterator end, parse_result& out)
        : begin_(begin), end_(end), out_(out) {}

    /// Records that `which` was expected at `where` in the setting that began at `start`; returns
    /// the newline (or end) at which the next setting may begin.
    iterator recover(iterator start, iterator where, std::string const& which);

    unsigned depth = 0; ///< lists open at the moment

private:
    iterator begin_;
    iterator end_;
    parse_result& out_;
};

struct error_keeper_tag;

/// Gives a node its extent.
struct annotate {
    template <class Node, class Context>
    void on_success(iterator const& first, iterator const& last, Node& node, Context const&) {
        if constexpr (std::is_base_of_v<extent, Node>) {
            node.begin = first;
            node.end = last;
        }
    }
};

/// A setting that does not parse is reported, and parsing goes on behind it.
struct resume_behind {
    template <class Failure, class Context>
    x3::error_handler_result
    on_error(iterator& first, iterator const&, Failure const& failure, Context const& context) {
        error_keeper& keeper = x3::get<error_keeper_tag>(context).get();
        first = keeper.recover(first, failure.where(), failure.which());
        return x3::error_handler_result::accept;
    }
};

} // namespace xenpp::config::grammar
