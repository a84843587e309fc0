// SPDX-License-Identifier: Apache-2.0
// Any text parses and loads without a crash, and what was understood survives being printed, as
// xl.cfg or as JSON, and read again.
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>
#include <xenpp/config/xl_config.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace xenpp::config;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_tree(std::string_view text) {
    auto const first = parse(text, "fuzz");
    static_cast<void>(first.diagnostics.message());
    auto const second = parse(print(first.ast), "printed");
    require(second.diagnostics.items.empty());
    require(first.ast.settings == second.ast.settings);
}

/// JSON holds UTF-8 alone, so only such texts come back from it unchanged.
bool is_ascii(std::string_view text) {
    return text.find_first_not_of(
               "\t\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
               "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") == std::string_view::npos &&
           text.find('\\') == std::string_view::npos;
}

void check_domain(std::string_view text) {
    auto const first = parse_domain(text, "fuzz");
    if (!first) {
        require(first.error().has_errors());
        static_cast<void>(first.error().message());
        return;
    }
    require(!first->warnings.has_errors());
    domain_config const& config = *first;
    auto const second = parse_domain(print(config), "printed");
    require(second.has_value() && static_cast<domain_config const&>(*second) == config);
    auto const third = from_json(to_json(config));
    require(third.has_value());
    require(!is_ascii(text) || *third == config);
}

void check_xl_config(std::string_view text) {
    auto const first = parse_xl_config(text, "fuzz");
    if (!first) {
        require(first.error().has_errors());
        return;
    }
    auto const second = parse_xl_config(print(*first), "printed");
    require(second.has_value() &&
            static_cast<xl_config const&>(*second) == static_cast<xl_config const&>(*first));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    check_tree(text);
    check_domain(text);
    check_xl_config(text);
    static_cast<void>(from_json(text));
    return 0;
}
