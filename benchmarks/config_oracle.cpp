// SPDX-License-Identifier: Apache-2.0
// Bytes a second of parsing: both our grammars and Debian's libxlutil on the same file.
#include <xenpp/config/parse.hpp>

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

extern "C" {
#include <libxlutil.h>
}

namespace {

using namespace xenpp::config;

/// A file of `n` domains' worth of ordinary settings.
std::string sample(std::int64_t n) {
    std::string out;
    for (std::int64_t i = 0; i < n; ++i) {
        out += "# An ordinary guest\n"
               "name = \"guest\"; type = \"pvh\"\n"
               "kernel = \"/boot/vmlinuz-6.1.0-cloud-amd64\"\n"
               "extra = \"console=hvc0 quiet\"\n"
               "memory = 1024\n"
               "vcpus = 2\n"
               "cpus = [ \"0-3,^1\", \"2\" ] # away from the first\n"
               "disk = [ 'format=raw, vdev=xvda, access=rw, target=/dev/vg/guest',\n"
               "         'format=qcow2, vdev=xvdb, access=ro, target=/srv/data.qcow2' ]\n"
               "vif = [ 'mac=00:16:3e:01:02:03,bridge=xenbr0' ]\n";
    }
    return out;
}

void measure(benchmark::State& state, dialect d) {
    auto const text = sample(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(parse(text, "guest.cfg", d));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void documented(benchmark::State& state) {
    measure(state, dialect::documented);
}

void exact(benchmark::State& state) {
    measure(state, dialect::exact);
}

void libxlutil(benchmark::State& state) {
    auto const text = sample(state.range(0));
    for (auto _ : state) {
        XLU_Config* const c = xlu_cfg_init(stderr, "guest.cfg");
        benchmark::DoNotOptimize(xlu_cfg_readdata(c, text.data(), static_cast<int>(text.size())));
        xlu_cfg_destroy(c);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK(documented)->Arg(1)->Arg(100);
BENCHMARK(exact)->Arg(1)->Arg(100);
BENCHMARK(libxlutil)->Arg(1)->Arg(100);

} // namespace
