// SPDX-License-Identifier: Apache-2.0
// Any text parses without a crash, and what was understood survives printing and parsing again.
#include <xenpp/config/parse.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace xenpp::config;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const first = parse(text, "fuzz");
    static_cast<void>(first.diagnostics.message());
    auto const second = parse(print(first.ast), "printed");
    if (!second.diagnostics.items.empty() || !(first.ast.settings == second.ast.settings)) {
        std::abort();
    }
    return 0;
}
