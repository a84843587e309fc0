// SPDX-License-Identifier: Apache-2.0
// Any text parses and loads without a crash, and what was understood survives being printed, as
// xl.cfg or as JSON, and read again.
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>
#include <xenpp/config/xl_config.hpp>

#include <fakes/must.hpp>

#include <cstdint>
#include <string_view>

namespace {

using namespace xenpp::config;
using xenpp::fakes::must;

void check_tree(std::string_view text) {
    auto const first = parse(text, "fuzz");
    static_cast<void>(first.diagnostics.message());
    auto const second = parse(print(first.ast), "printed");
    must(second.diagnostics.items.empty());
    must(first.ast.settings == second.ast.settings);
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
        must(first.error().has_errors());
        static_cast<void>(first.error().message());
        return;
    }
    must(!first->warnings.has_errors());
    domain_config const& config = *first;
    auto const second = parse_domain(print(config), "printed");
    must(second.has_value() && static_cast<domain_config const&>(*second) == config);
    auto const third = from_json(to_json(config));
    must(third.has_value());
    must(!is_ascii(text) || *third == config);
}

void check_xl_config(std::string_view text) {
    auto const first = parse_xl_config(text, "fuzz");
    if (!first) {
        must(first.error().has_errors());
        return;
    }
    auto const second = parse_xl_config(print(*first), "printed");
    must(second.has_value() &&
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
