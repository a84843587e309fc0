// SPDX-License-Identifier: Apache-2.0
// Any text as xen.cfg, as options, as xl.conf and as a CPU pool: no crash, and printing comes back.
#include <xenpp/config/cpupool_config.hpp>
#include <xenpp/config/xen_config.hpp>

#include <fakes/must.hpp>

#include <cstdint>
#include <string_view>

namespace {

using namespace xenpp::config;
using xenpp::fakes::must;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    static_cast<void>(parse_xen_config(text, "fuzz", {}, dialect::exact));
    auto const boot = parse_xen_config(text, "fuzz");
    // A section's name may look like a comment or a header once it is a value.
    if (boot && boot->section.find_first_of("#;[] \t") == std::string::npos &&
        boot->section != "global") {
        auto const again = parse_xen_config(print(*boot), "printed");
        must(again.has_value());
        must(again->options == boot->options && again->kernel == boot->kernel);
    }
    static_cast<void>(parse_xen_options(text));
    if (auto const pool = parse_cpupool(text, "fuzz")) {
        auto const again = parse_cpupool(print(*pool), "printed");
        must(again.has_value());
        must(static_cast<cpupool_config const&>(*again) ==
             static_cast<cpupool_config const&>(*pool));
    }
    return 0;
}
