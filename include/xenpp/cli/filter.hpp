// SPDX-License-Identifier: Apache-2.0
// Expressions over the fields of a row: "cpu>10 && name~web".
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/cli/view.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::cli {

/// Why a text is no filter, and from which byte on.
struct filter_error {
    std::size_t offset = 0;
    std::string reason;
};

/// expression = term { ("||" | "or") term };  term = factor { ("&&" | "and") factor };
/// factor = [ "!" | "not" ] ( "(" expression ")" | FIELD operator VALUE | PATTERN );
/// operator = "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~".
///
/// A VALUE is a word or a quoted string; one that is a number, perhaps with k, m, g or t behind it,
/// is compared as a number with what is a number. "~" asks whether the field contains the value, in
/// which * stands for anything and ? for any character. A PATTERN alone is FIELD ~ PATTERN for the
/// first field. A field without a value matches nothing but "!=" and "!~".
class filter {
public:
    /// One that lets everything pass.
    filter() = default;

    /// `fields`: the names it may use. An empty text lets everything pass.
    static expected<filter, filter_error> parse(std::string_view text,
                                                std::span<std::string_view const> fields);

    /// `field(i)` is the value of the field with number `i`.
    bool matches(std::function<value(std::size_t)> const& field) const;

    /// Expressions may be nested this deep.
    static constexpr unsigned most_depth = 64;

    enum class op : std::uint8_t {
        equal,
        unequal,
        less,
        less_or_equal,
        greater,
        greater_or_equal,
        contains,
        contains_not,
        // of the results before
        both,
        either,
        negation,
    };

    /// One step of the expression in postfix order.
    struct step {
        filter::op op{};
        std::size_t field = 0;
        std::string text{};
        bool is_number = false;
        double number = 0;
    };

private:
    std::vector<step> steps_;
};

/// Whether `text` contains what `pattern` describes, * and ? being wild.
bool contains_pattern(std::string_view text, std::string_view pattern) noexcept;

} // namespace xenpp::cli
