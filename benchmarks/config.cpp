// SPDX-License-Identifier: Apache-2.0
// xl.cfg: bytes a second through the grammar alone, and into a domain's configuration.
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>

#include <benchmark/benchmark.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string sample() {
    std::ostringstream text;
    text << std::ifstream(XENPP_SOURCE_DIR "/cfg-samples/pvh-full.cfg").rdbuf();
    return text.str();
}

/// `count` lines of every kind of value.
std::string long_file(std::int64_t count) {
    std::string text;
    for (std::int64_t i = 0; i < count; ++i) {
        auto const n = std::to_string(i);
        text += "key" + n + " = " + n + "\nname" + n + " = \"value " + n + "\" # comment\nlist" +
                n + " = [ 'a=" + n + "', 'b=" + n + "', [ \"c\", \"d\" ] ]\n";
    }
    return text;
}

void parse(benchmark::State& state) {
    auto const text = long_file(state.range(0));
    for (auto _ : state) {
        auto const parsed = xenpp::config::parse(text, "bench.cfg");
        if (!parsed.diagnostics.items.empty()) {
            state.SkipWithError("the text is wrong");
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK(parse)->Arg(1)->Arg(100)->Arg(10'000)->Unit(benchmark::kMicrosecond);

void load_domain(benchmark::State& state) {
    auto const text = sample();
    for (auto _ : state) {
        auto const loaded = xenpp::config::parse_domain(text, "bench.cfg");
        if (!loaded) {
            state.SkipWithError("the sample is refused");
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK(load_domain)->Unit(benchmark::kMicrosecond);

} // namespace
