// SPDX-License-Identifier: Apache-2.0
// What `xl list` and a refresh of xentop cost over a thousand simulated domains: own CPU time,
// which has the simulated hypervisor's and xenstore's in it, and the number of hypercalls.
#include <xenpp/cli/session.hpp>
#include <xenpp/cli/top.hpp>
#include <xenpp/cli/xl.hpp>
#include <xenpp/ctl/call_count.hpp>
#include <xenpp/host.hpp>
#include <xenpp/sampler.hpp>

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace xenpp;

host& many() {
    static auto h = host::open_sim({.domains = 1000}).value();
    return h;
}

void xl_list(benchmark::State& state) {
    auto* const nowhere = std::fopen("/dev/null", "w");
    cli::session session("xl", nowhere, nowhere, &many());
    std::uint64_t calls = 0;
    for (auto _ : state) {
        auto const before = ctl::calls_made();
        benchmark::DoNotOptimize(cli::xl::list(session, {}).value());
        calls = ctl::calls_made() - before;
    }
    state.counters["hypercalls"] = static_cast<double>(calls);
    std::fclose(nowhere);
}

/// As `xentop -b -i 1`: the first sample, with every name.
void xentop_once(benchmark::State& state) {
    unsigned calls = 0;
    for (auto _ : state) {
        sampler from(many());
        cli::top top({});
        auto sample = from.take(top.wanted()).value();
        calls = sample.hypercalls;
        top.add(std::move(sample));
        benchmark::DoNotOptimize(top.batch_text());
    }
    state.counters["hypercalls"] = calls;
}

/// A refresh of a screen that is on already, vCPUs shown or not.
void xentop_refresh(benchmark::State& state) {
    sampler from(many());
    cli::top top({.shows_vcpus = state.range(0) != 0});
    unsigned calls = 0;
    for (auto _ : state) {
        auto sample = from.take(top.wanted()).value();
        calls = sample.hypercalls;
        top.add(std::move(sample));
        benchmark::DoNotOptimize(top.screen(200, 60));
    }
    state.counters["hypercalls"] = calls;
}

BENCHMARK(xl_list)->Unit(benchmark::kMillisecond);
BENCHMARK(xentop_once)->Unit(benchmark::kMillisecond);
BENCHMARK(xentop_refresh)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

} // namespace
