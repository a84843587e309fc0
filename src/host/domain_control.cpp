// SPDX-License-Identifier: Apache-2.0
// What can be asked of a domain while it runs: vCPUs, keys, buttons, scheduling, configuration.
#include "host/session.hpp"

#include <xenpp/abi/domctl.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/vcpu_list.hpp>
#include <xenpp/domain.hpp>

#include <fmt/core.h>

#include <cerrno>

namespace xenpp {

result<void> domain::set_config(config::domain_config config) const {
    constexpr std::string_view operation = "update domain's configuration";
    XENPP_TRY(ref_->check(operation));
    config.name = XENPP_TRY(ref_->s->name_of(id()));
    config.uuid = uuid();
    return ref_->s->keep_config(id(), uuid(), config);
}

namespace {

std::string availability(domid d, std::uint32_t vcpu) {
    return detail::domain_node(d, fmt::format("cpu/{}/availability", vcpu));
}

} // namespace

result<std::uint32_t> domain::wanted_vcpus() const {
    XENPP_TRY(ref_->check("look at domain's vCPUs"));
    std::uint32_t count = 0;
    for (std::uint32_t v = 0; v != ref_->vcpus; ++v) {
        auto const word = ref_->s->store().read(availability(id(), v));
        if (!word && !detail::is_missing(word.error())) {
            return unexpected(word.error());
        }
        count += word && *word == "online" ? 1U : 0U;
    }
    return count;
}

result<void> domain::set_online_vcpus(std::uint32_t count) const {
    constexpr std::string_view operation = "set domain's vCPUs";
    XENPP_TRY(ref_->check(operation));
    if (count == 0 || count > ref_->vcpus) {
        return fail(operation, EINVAL,
                    fmt::format("{} is not from 1 to the {} it was made with", count, ref_->vcpus));
    }
    if (id() == dom0) {
        return fail(operation, EOPNOTSUPP, "domain 0's processors are not xenstore's to change");
    }
    return ref_->s->store().transact([&](store::client_transaction const& t) -> result<void> {
        for (std::uint32_t v = 0; v != ref_->vcpus; ++v) {
            XENPP_TRY(t.write(availability(id(), v), v < count ? "online" : "offline"));
        }
        return {};
    });
}

result<void> domain::send_sysrq(char key) const {
    XENPP_TRY(ref_->check("send SysRq to domain"));
    return ref_->s->store().write(detail::domain_node(id(), "control/sysrq"),
                                  std::string_view(&key, 1));
}

result<void> domain::send_trigger(trigger what, vcpu_id to) const {
    static_assert(static_cast<std::uint32_t>(trigger::nmi) == abi::domctl_sendtrigger_nmi &&
                  static_cast<std::uint32_t>(trigger::sleep) == abi::domctl_sendtrigger_sleep);
    constexpr std::string_view operation = "send trigger to domain";
    XENPP_TRY(ref_->check(operation));
    if (to.raw() >= ref_->vcpus) {
        return fail(operation, EINVAL,
                    fmt::format("it has no vCPU {}, only 0 to {}", to.raw(), ref_->vcpus - 1));
    }
    auto done =
        ctl::send_trigger(ref_->s->hypervisor(), id(), to, static_cast<std::uint32_t>(what));
    if (!done && done.error().code == ENOSYS) {
        return fail(operation, EOPNOTSUPP, "this hypervisor cannot do that to a guest");
    }
    return done;
}

result<domain_scheduling> domain::scheduling() const {
    XENPP_TRY(ref_->check("query domain's scheduling"));
    auto const s = XENPP_TRY(ctl::get_scheduling(ref_->s->hypervisor(), id()));
    return domain_scheduling{s.weight, s.cap};
}

result<void> domain::set_scheduling(domain_scheduling s) const {
    constexpr std::string_view operation = "set domain's scheduling";
    XENPP_TRY(ref_->check(operation));
    if (s.weight == 0) {
        return fail(operation, EINVAL, "the weight must be from 1 to 65535");
    }
    return ctl::set_scheduling(ref_->s->hypervisor(), id(), {s.weight, s.cap});
}

} // namespace xenpp
