// SPDX-License-Identifier: Apache-2.0
// The hypervisor's logic on a machine made of memory: what a hypercall, an allocation, a p2m
// change costs without any processor's cost of entering and leaving a guest.
#include <xenpp/hv/grant_table_op.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/p2m.hpp>

#include <benchmark/benchmark.h>

#include <fakes/fake_machine.hpp>

#include <random>
#include <vector>

namespace {

using namespace xenpp;
using fakes::fake_machine;

constexpr unsigned seed = 20261122;

long dispatch(fakes::vcpu& v, abi::hypercall number, std::array<std::uint64_t, 6> const& arg) {
    hv::hypercall_args args{arg};
    return fakes::abi_value(hv::dispatch_hypercall(v, static_cast<unsigned>(number), args));
}

/// XENVER_version: dispatch, and a constant.
void null_hypercall(benchmark::State& state) {
    fake_machine m;
    auto& v = *m.add_guest(1).vcpus[0];
    for (auto _ : state) {
        benchmark::DoNotOptimize(dispatch(v, abi::hypercall::xen_version, {}));
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(null_hypercall);

/// A send between two guests, taken by its receiver each time.
void event_send(benchmark::State& state) {
    fake_machine m;
    auto& a = m.add_guest(1);
    auto& b = m.add_guest(2);
    abi::evtchn_alloc_unbound open{.dom = domid_self.raw(), .remote_dom = a.id.raw(), .port = 0};
    auto const event_op = &hv::do_event_channel_op<fakes::platform>;
    auto const op = [](abi::evtchn_op o) { return static_cast<std::uint64_t>(o); };
    m.call(event_op, *b.vcpus[0], op(abi::evtchn_op::alloc_unbound), open);
    abi::evtchn_bind_interdomain bind{
        .remote_dom = b.id.raw(), .reserved_ = 0, .remote_port = open.port, .local_port = 0};
    m.call(event_op, *a.vcpus[0], op(abi::evtchn_op::bind_interdomain), bind);
    m.at<abi::evtchn_send>(a, fake_machine::argument_address) = {bind.local_port};
    for (auto _ : state) {
        if (dispatch(*a.vcpus[0], abi::hypercall::event_channel_op,
                     {op(abi::evtchn_op::send), fake_machine::argument_address}) != 0) {
            state.SkipWithError("the send failed");
        }
        hv::two_level_clear_pending(b, evtchn_port(open.port));
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(event_send);

/// GNTTABOP_copy of `range` bytes from another guest's granted page.
void grant_copy(benchmark::State& state) {
    constexpr std::uint32_t ref = 9;
    constexpr std::uint64_t page = 8;
    fake_machine m;
    auto& a = m.add_guest(1);
    auto& b = m.add_guest(2);
    auto* const entries =
        reinterpret_cast<abi::grant_entry_v1*>(m.cpu.map(*hv::grant_frame(a, 0, false)));
    entries[ref] = {abi::gtf_permit_access, b.id.raw(), static_cast<std::uint32_t>(page)};
    abi::gnttab_copy copy{};
    copy.source.u.ref = ref;
    copy.source.domid = a.id.raw();
    copy.dest.u.gmfn = page;
    copy.dest.domid = domid_self.raw();
    copy.len = static_cast<std::uint16_t>(state.range(0));
    copy.flags = abi::gntcopy_source_gref;
    m.at<abi::gnttab_copy>(b, fake_machine::argument_address) = copy;
    for (auto _ : state) {
        dispatch(
            *b.vcpus[0], abi::hypercall::grant_table_op,
            {static_cast<std::uint64_t>(abi::gnttab_op::copy), fake_machine::argument_address, 1});
    }
    if (m.at<abi::gnttab_copy>(b, fake_machine::argument_address).status != abi::gntst_okay) {
        state.SkipWithError("the copy failed");
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

BENCHMARK(grant_copy)->Arg(64)->Arg(4096);

/// Blocks of 2^range frames: taken and freed again in a random order, dirty, so scrubbed each time.
void allocate_free(benchmark::State& state) {
    constexpr unsigned live = 16;
    auto const order = static_cast<unsigned>(state.range(0));
    fake_machine m(std::uint64_t{1} << 18);
    std::mt19937 random(seed);
    std::vector<mfn> blocks;
    for (unsigned i = 0; i != live; ++i) {
        blocks.push_back(*m.hv->frames.allocate(order, dom0, hv::page_use::guest));
    }
    for (auto _ : state) {
        auto& block = blocks[random() % live];
        m.hv->frames.free(block, order);
        block = *m.hv->frames.allocate(order, dom0, hv::page_use::guest);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(page_size << order));
}

BENCHMARK(allocate_free)->Arg(0)->Arg(9);

/// Entering and removing one block of 2^range frames, with the references that keep its frames.
void p2m_add_remove(benchmark::State& state) {
    auto const order = static_cast<unsigned>(state.range(0));
    fake_machine m;
    auto& d = m.add_guest(1);
    constexpr gfn where{std::uint64_t{1} << 18};
    auto const f = *hv::allocate_domain_pages(d, order);
    for (auto _ : state) {
        for (std::uint64_t i = 0; i != std::uint64_t{1} << order; ++i) {
            benchmark::DoNotOptimize(hv::get_frame(*m.hv, f + i));
        }
        if (!hv::p2m_add(d, where, f, order) || !hv::p2m_remove(d, where, order)) {
            state.SkipWithError("the p2m refused");
            break;
        }
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(p2m_add_remove)->Arg(0)->Arg(9);

void p2m_lookup(benchmark::State& state) {
    fake_machine m;
    auto& d = m.add_guest(1);
    std::mt19937 random(seed);
    for (auto _ : state) {
        benchmark::DoNotOptimize(hv::p2m_lookup(d, gfn(random() % fake_machine::ram_pages)));
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(p2m_lookup);

} // namespace
