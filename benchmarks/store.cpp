// SPDX-License-Identifier: Apache-2.0
// xenstore: operations a second of the server core, the fan-out of watches, replay of a journal.
#include <xenpp/store/journal.hpp>
#include <xenpp/store/server.hpp>

#include <benchmark/benchmark.h>

#include <fakes/store_peer.hpp>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace xenpp;
using fakes::store_peer;

constexpr unsigned seed = 20261122;

std::string node_of(std::uint32_t n) {
    return "/local/domain/" + std::to_string(n % 64) + "/device/" + std::to_string(n / 64);
}

/// A server as on a host with 64 domains of a few devices each.
struct populated {
    store::server server;
    store_peer dom0{server, xenpp::dom0, true};
    std::mt19937 random{seed};

    explicit populated(std::uint32_t nodes = 1024) {
        for (std::uint32_t n = 0; n != nodes; ++n) {
            dom0.write(node_of(n), "state of " + std::to_string(n));
        }
    }

    std::string any_node() { return node_of(static_cast<std::uint32_t>(random() % 1024)); }
};

void read(benchmark::State& state) {
    populated p;
    for (auto _ : state) {
        benchmark::DoNotOptimize(p.dom0.read(p.any_node()));
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(read);

void write(benchmark::State& state) {
    populated p;
    for (auto _ : state) {
        p.dom0.write(p.any_node(), "new");
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(write);

/// What attaching a device is: ten nodes in one transaction.
void transaction(benchmark::State& state) {
    populated p;
    for (auto _ : state) {
        auto const tx = p.dom0.begin();
        for (unsigned i = 0; i != 10; ++i) {
            p.dom0.write(p.any_node(), "new", tx);
        }
        if (p.dom0.end(tx) != "OK") {
            state.SkipWithError("the transaction did not commit");
        }
    }
    state.SetItemsProcessed(state.iterations() * 10);
}

BENCHMARK(transaction);

/// One write that `range` clients watch.
void watch_fan_out(benchmark::State& state) {
    store::server server;
    store_peer writer(server, dom0, true);
    std::vector<store_peer> watchers;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        watchers.emplace_back(server, dom0, true);
        watchers.back().watch("/watched", "token");
    }
    for (auto _ : state) {
        writer.write("/watched/node", "new");
        for (auto const& w : watchers) {
            server.consume_output(w.id(), server.output(w.id()).size());
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(watch_fan_out)->Arg(1)->Arg(16)->Arg(256);

/// A file in a folder of its own, gone with this object.
struct temporary_folder {
    std::string path = "/tmp/xenpp-bench.XXXXXX";

    temporary_folder() {
        if (::mkdtemp(path.data()) == nullptr) {
            std::abort();
        }
    }

    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;

    ~temporary_folder() {
        ::unlink(file().c_str());
        ::rmdir(path.c_str());
    }

    std::string file() const { return path + "/journal"; }
};

/// Every change on disk before its answer leaves, as the daemon does it.
void journalled_write(benchmark::State& state) {
    temporary_folder folder;
    populated p(0);
    auto journal = store::journal::open(folder.file(), p.server).value();
    for (auto _ : state) {
        p.dom0.write(p.any_node(), "new");
        journal.commit(p.server).value();
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(journalled_write);

void journal_replay(benchmark::State& state) {
    temporary_folder folder;
    {
        populated p(0);
        auto journal = store::journal::open(folder.file(), p.server).value();
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            p.dom0.write(p.any_node(), "state");
            journal.commit(p.server).value();
        }
    }
    std::uint64_t bytes = 0;
    for (auto _ : state) {
        store::server fresh;
        bytes = store::journal::open(folder.file(), fresh).value().size();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["file_bytes"] = static_cast<double>(bytes);
}

BENCHMARK(journal_replay)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

} // namespace
