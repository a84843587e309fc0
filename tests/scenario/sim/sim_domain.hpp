// SPDX-License-Identifier: Apache-2.0
// A domain in a simulation, made by hypercalls, and the few hypercalls that tests make.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/hv/domain_life.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>
#include <xenpp/transport/sim.hpp>

#include <transport/sim_machine.hpp>

#include <cstdint>
#include <numeric>

namespace xenpp::tests {

/// A hypercall with one structure as its second argument; what it returned.
template <class T, class Command>
std::int64_t call(transport::doors& d, abi::hypercall number, Command command, T& argument) {
    auto const buffer = transport::hypercall_buffer<T>::create(d).value();
    *buffer = argument;
    auto const r = d.hypercall(static_cast<unsigned>(number),
                               {static_cast<std::uint64_t>(command), buffer.address(), 0, 0, 0, 0})
                       .value();
    argument = *buffer;
    return r;
}

/// A PVH domain, paused, with `vcpus` vCPUs that are online.
struct sim_domain {
    explicit sim_domain(transport::sim& s, std::uint16_t number = 1, unsigned vcpus = 1)
        : where(s), id(number) {
        abi::domctl_createdomain c{};
        c.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
        c.max_vcpus = vcpus;
        c.max_evtchn_port = 1023;
        c.max_grant_frames = 32;
        c.max_maptrack_frames = 32;
        c.grant_opts = 1;
        c.arch.emulation_flags = abi::x86_emu_lapic;
        auto& hv = s.machine().hypervisor;
        auto* const d = *hv::create_domain(hv, id, c);
        d->max_pages = 1U << 20;
        for (unsigned i = 0; i < vcpus; ++i) {
            auto* const v = *hv::vcpu_create(*d, vcpu_id(i));
            v->initialised = true;
            atomic_fetch_and(v->pause, ~std::uint32_t{hv::pause_down});
        }
    }

    /// Gives it `count` pages from guest frame `first` on.
    std::int64_t populate(gfn first, std::uint64_t count) {
        auto& d = where.doors();
        auto const list = transport::hypercall_buffer<std::uint64_t>::create(d, count).value();
        std::iota(list.data(), list.data() + count, first.raw());
        abi::memory_reservation r{};
        r.extent_start.p = list.address();
        r.nr_extents = count;
        r.domid = id.raw();
        return call(d, abi::hypercall::memory_op, abi::mem_op::populate_physmap, r);
    }

    hv::domain<transport::sim_platform>& inside() {
        return *where.machine().hypervisor.domains[id.raw()];
    }

    void unpause() {
        lock_guard const hold(inside().lock);
        REQUIRE(hv::domain_unpause(inside()));
    }

    void destroy() {
        auto const d = hv::find_domain(where.machine().hypervisor, id);
        while (true) {
            auto const r = hv::destroy_domain(*d);
            if (r || r.error() != errc::restart) {
                REQUIRE(r);
                return;
            }
            where.run();
        }
    }

    transport::sim& where;
    domid id;
};

} // namespace xenpp::tests
