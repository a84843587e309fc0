// SPDX-License-Identifier: Apache-2.0
// The hand scanner of the small grammars inside strings.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/schema.hpp>
#include <xenpp/config/value_error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// The words of a list that `|` separates.
inline std::vector<std::string_view> split_words(std::string_view words) {
    std::vector<std::string_view> out;
    for (int i = 0; !word_at(words, i).empty(); ++i) {
        out.push_back(word_at(words, i));
    }
    return out;
}

/// Walks over a text and remembers where it is, for errors.
class text_scanner {
public:
    explicit text_scanner(std::string_view text) : text_(text) {}

    std::string_view rest() const { return text_.substr(at_); }

    std::size_t offset() const { return at_; }

    bool at_end() const { return at_ == text_.size(); }

    bool skip(std::string_view word) {
        if (!rest().starts_with(word)) {
            return false;
        }
        at_ += word.size();
        return true;
    }

    void skip_blanks() {
        while (skip(" ") || skip("\t")) {
        }
    }

    /// What comes before any of `stops`, or all that is left.
    std::string_view until(std::string_view stops) {
        auto const word = rest().substr(0, rest().find_first_of(stops));
        at_ += word.size();
        return word;
    }

    /// Digits alone: no sign, no prefix.
    bool number(std::uint64_t& out, int base) {
        char const* const begin = text_.data() + at_;
        auto const [end, code] = std::from_chars(begin, text_.data() + text_.size(), out, base);
        at_ += code == std::errc{} ? static_cast<std::size_t>(end - begin) : 0;
        return code == std::errc{};
    }

    unexpected<value_error> fail(std::string reason, std::string suggestion = {}) const {
        return fail_at(at_, std::move(reason), std::move(suggestion));
    }

    static unexpected<value_error>
    fail_at(std::size_t at, std::string reason, std::string suggestion = {}) {
        return unexpected(value_error{at, std::move(reason), std::move(suggestion)});
    }

    static unexpected<value_error>
    unknown_key(std::size_t at, std::string_view key, std::string_view keys) {
        auto const meant = nearest(key, split_words(keys));
        constexpr std::size_t readable = 300;
        std::string list(keys.size() < readable ? keys : "");
        std::replace(list.begin(), list.end(), '|', ' ');
        return fail_at(at, "`" + std::string(key) + "` is unknown",
                       meant.empty() ? (list.empty() ? list : "there are: " + list)
                                     : "did you mean `" + std::string(meant) + "`?");
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace xenpp::config
