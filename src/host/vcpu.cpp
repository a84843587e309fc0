// SPDX-License-Identifier: Apache-2.0
// A virtual CPU's handle.
#include "host/session.hpp"

#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/vcpu.hpp>

#include <cerrno>

namespace xenpp {
namespace {

result<void> set_affinity(detail::domain_ref const& d,
                          vcpu_id v,
                          ctl::affinity which,
                          std::string_view operation,
                          cpu_set const& cpus) {
    if (cpus.empty()) {
        return fail(operation, EINVAL, "no CPU is given");
    }
    XENPP_TRY(d.check(operation));
    return ctl::set_vcpu_affinity(d.s->hypervisor(), d.id, v, which, cpus.words());
}

} // namespace

result<vcpu_info> vcpu::info() const {
    auto const& d = *domain_;
    XENPP_TRY(d.check("query vCPU"));
    auto& hypervisor = d.s->hypervisor();
    auto const i = XENPP_TRY(ctl::get_vcpu_info(hypervisor, d.id, id_));
    auto const cpus = XENPP_TRY(ctl::get_physinfo(hypervisor)).max_cpu_id + 1;
    auto affinity = XENPP_TRY(ctl::get_vcpu_affinity(hypervisor, d.id, id_, cpus));
    return vcpu_info{
        .domain = d.id,
        .id = id_,
        .is_online = i.online != 0,
        .is_running = i.running != 0,
        .is_blocked = i.blocked != 0,
        .cpu = cpu_id(i.cpu),
        .cpu_time_ns = i.cpu_time,
        .hard = cpu_set::from_words(std::move(affinity.hard)),
        .soft = cpu_set::from_words(std::move(affinity.soft)),
    };
}

result<void> vcpu::pin(cpu_set const& cpus) const {
    return set_affinity(*domain_, id_, ctl::affinity::hard, "pin vCPU", cpus);
}

result<void> vcpu::prefer(cpu_set const& cpus) const {
    return set_affinity(*domain_, id_, ctl::affinity::soft, "set vCPU's soft affinity", cpus);
}

} // namespace xenpp
