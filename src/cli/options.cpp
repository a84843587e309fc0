// SPDX-License-Identifier: Apache-2.0
// Command lines, read by Boost.Program_options, which stays in this file.
#include <xenpp/cli/options.hpp>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace xenpp::cli {
namespace {

namespace po = boost::program_options;

constexpr option help_option{'h', "help", "", "Show this text."};

/// "path,p", "path" or ",p", as Program_options names options.
std::string spelling(option const& o) {
    std::string out(o.name);
    if (o.letter != 0) {
        out += ',';
        out += o.letter;
    }
    return out;
}

void add(po::options_description& to, option const& o) {
    auto const* semantic =
        o.argument.empty() ? new po::untyped_value(true) : new po::untyped_value(false);
    to.add_options()(spelling(o).c_str(), semantic, ""); // takes the semantic over
}

/// The key of an option as Program_options reports it: the long name, or "-p".
std::string key_of(std::string const& reported) {
    return reported.size() == 2 && reported[0] == '-' ? reported.substr(1) : reported;
}

/// The letter of `word` ("-ax") that no option has; a long option stands as it is.
std::string unknown_part(std::string const& word, std::span<option const> options) {
    if (word.size() < 2 || word[1] == '-') {
        return word;
    }
    auto const is_unknown = [options](char c) {
        return c != help_option.letter &&
               std::none_of(options.begin(), options.end(),
                            [c](auto const& o) { return o.letter == c; });
    };
    auto const at = std::find_if(word.begin() + 1, word.end(), is_unknown);
    return at == word.end() ? word : std::string(1, *at);
}

std::string explain(po::error const& e, std::span<option const> options) {
    if (auto const* unknown = dynamic_cast<po::unknown_option const*>(&e)) {
        return fmt::format("option `{}' not supported.",
                           unknown_part(unknown->get_option_name(), options));
    }
    if (auto const* several = dynamic_cast<po::ambiguous_option const*>(&e)) {
        auto names = several->alternatives();
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return fmt::format("option `{}' could be any of --{}.", several->get_option_name(),
                           fmt::join(names, ", --"));
    }
    return std::string(e.what()) + '.';
}

} // namespace

std::size_t arguments::count(std::string_view key) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(given.begin(), given.end(), [key](auto const& o) { return o.first == key; }));
}

std::string_view arguments::value(std::string_view key) const noexcept {
    auto const last =
        std::find_if(given.rbegin(), given.rend(), [key](auto const& o) { return o.first == key; });
    return last == given.rend() ? std::string_view() : std::string_view(last->second);
}

expected<arguments, std::string> parse_arguments(std::span<option const> options,
                                                 std::span<std::string const> words) {
    po::options_description table;
    add(table, help_option);
    for (auto const& o : options) {
        add(table, o);
    }
    arguments out;
    try {
        std::vector<std::string> const copy(words.begin(), words.end());
        auto const parsed = po::command_line_parser(copy).options(table).run();
        for (auto const& o : parsed.options) {
            if (o.position_key >= 0) {
                out.operands.insert(out.operands.end(), o.value.begin(), o.value.end());
            } else {
                out.given.emplace_back(key_of(o.string_key),
                                       o.value.empty() ? std::string() : o.value.front());
            }
        }
    } catch (po::error const& e) {
        return unexpected(explain(e, options));
    }
    return out;
}

} // namespace xenpp::cli
