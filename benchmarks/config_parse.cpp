// SPDX-License-Identifier: Apache-2.0
// Bytes a second from xl.cfg text to settings, and from text to a domain's configuration.
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>

#include <benchmark/benchmark.h>

namespace {

constexpr std::string_view ordinary = R"(# An ordinary guest
name = "guest"; type = "pvh"
kernel = "/boot/vmlinuz-6.1.0-cloud-amd64"
ramdisk = "/boot/initrd.img-6.1.0-cloud-amd64"
root = "/dev/xvda1 ro"
extra = "console=hvc0 quiet"
memory = 1024
vcpus = 2
cpus = [ "0-3,^1", "2" ] # away from the first
on_crash = "preserve"
)";

void parse_text(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(xenpp::config::parse(ordinary, "guest.cfg"));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(ordinary.size()));
}

void load_domain_text(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(xenpp::config::parse_domain(ordinary, "guest.cfg"));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(ordinary.size()));
}

BENCHMARK(parse_text);
BENCHMARK(load_domain_text);

} // namespace
