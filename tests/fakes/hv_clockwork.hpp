// SPDX-License-Identifier: Apache-2.0
// Processors made of memory that pass through the scheduler step by step, as the image's do.
#pragma once

#include <xenpp/hv/scheduler.hpp>
#include <xenpp/hv/timer_service.hpp>

#include <fakes/hv_host.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace xenpp::fakes {

/// Steps through time: every CPU passes through its run loop each `step`, as the image's does.
class hv_clockwork {
public:
    explicit hv_clockwork(unsigned cpus) : host(65536, cpus), running_(cpus) {
        for (unsigned c = 0; c < cpus; ++c) {
            host.hv.scheduler.on(cpu_id(c)).online = true;
        }
    }

    hv_host::vcpu& spinner(hv_host::domain& d, unsigned n = 0) {
        auto& v = *d.vcpus[n];
        atomic_store(v.pause, 0U);
        hv::vcpu_wake(v);
        return v;
    }

    void pass(unsigned c) {
        host.platform.run_on(cpu_id(c));
        hv::run_timers(host.hv);
        auto* const before = running_[c];
        auto* const next = hv::choose(host.hv, before);
        if (next != before) {
            if (before != nullptr) {
                hv::switched_from(*before);
            }
            running_[c] = next;
        }
    }

    void run_for(std::uint64_t ns, std::uint64_t step = 1'000'000) {
        for (std::uint64_t t = 0; t < ns; t += step) {
            for (unsigned c = 0; c < running_.size(); ++c) {
                pass(c);
                if (running_[c] != nullptr) {
                    ran[running_[c]] += step;
                    where[running_[c]] |= hv::cpu_mask{1} << c;
                }
            }
            host.platform.advance(step);
        }
    }

    hv_host::vcpu* on(unsigned c) { return running_[c]; }

    hv_host host;
    std::map<hv_host::vcpu*, std::uint64_t> ran;
    std::map<hv_host::vcpu*, hv::cpu_mask> where;

private:
    std::vector<hv_host::vcpu*> running_;
};

} // namespace xenpp::fakes
