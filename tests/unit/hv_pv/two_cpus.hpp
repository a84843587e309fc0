// SPDX-License-Identifier: Apache-2.0
// A PV domain whose two vCPUs run on two CPUs that remember translations.
#pragma once

#include <catch2/catch.hpp>

#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>
#include <fakes/tlb_model.hpp>

namespace xenpp::fakes {

struct two_cpus {
    hv_host h{9216};
    hv_invariants<fake_platform> invariants{h.hv};
    pv_guest g{h};
    tlb_model tlb{h};
    std::uint64_t const rw = pv_guest::rw;

    two_cpus() {
        h.hv.cpu_epoch[0] = h.hv.cpu_epoch[1] = 0;
        hv::pv::table_work w(g.d);
        hv::pv::set_kernel_root(w, g.v(1), g.frames[g.page_of_root()]).value();
    }

    two_cpus(two_cpus const&) = delete;
    two_cpus& operator=(two_cpus const&) = delete;

    ~two_cpus() {
        tlb.load(0, nullptr);
        tlb.load(1, nullptr);
        CHECK(invariants.find_fault() == "");
    }

    /// Each vCPU enters the guest on the CPU of its number.
    void enter_guest() {
        tlb.load(0, &g.v(0));
        tlb.load(1, &g.v(1));
    }
};

} // namespace xenpp::fakes
