// SPDX-License-Identifier: Apache-2.0
// A domain's handle: every call first makes sure that the number still means this domain.
#include "host/building.hpp"
#include "host/create.hpp"
#include "host/devices.hpp"
#include "host/nodes.hpp"
#include "host/session.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/dev/vbd/nodes.hpp>
#include <xenpp/domain.hpp>

#include <algorithm>
#include <cerrno>

namespace xenpp {
namespace {

using clock = std::chrono::steady_clock;

/// How often a wait looks for itself, should nobody tell.
constexpr std::chrono::milliseconds longest_nap{500};

std::chrono::milliseconds left_until(clock::time_point end) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
    return std::clamp(left, std::chrono::milliseconds(0), longest_nap);
}

/// Asks `look` (for a result<std::optional<T>>) until it has an answer or the time is over.
template <class Look>
auto wait_for(detail::session& s, std::chrono::milliseconds timeout, Look look)
    -> decltype(look()) {
    // A time-out of years must not wrap.
    auto const end =
        clock::now() + std::min<std::chrono::milliseconds>(timeout, std::chrono::hours(24 * 365));
    for (;;) {
        auto answer = look();
        if (!answer || *answer || clock::now() >= end) {
            return answer;
        }
        s.wait_for_change(left_until(end));
    }
}

} // namespace

domid domain::id() const noexcept {
    return ref_->id;
}

config::uuid const& domain::uuid() const noexcept {
    return ref_->uuid;
}

result<std::string> domain::name() const {
    XENPP_TRY(ref_->check("read the domain's name"));
    return ref_->s->name_of(ref_->id);
}

result<domain_info> domain::info() const {
    ref_->s->turn();
    auto const info = XENPP_TRY(ref_->check("query domain"));
    return detail::to_domain_info(info, XENPP_TRY(ref_->s->name_of(ref_->id)));
}

std::vector<vcpu> domain::vcpus() const {
    std::vector<vcpu> out;
    for (std::uint32_t v = 0; v != ref_->vcpus; ++v) {
        out.push_back(vcpu(ref_, vcpu_id(v)));
    }
    return out;
}

result<std::vector<vcpu_info>> domain::vcpu_infos() const {
    std::vector<vcpu_info> out;
    for (auto const& v : vcpus()) {
        out.push_back(XENPP_TRY(v.info()));
    }
    return out;
}

result<void> domain::pause() const {
    XENPP_TRY(ref_->check("pause domain"));
    return ctl::pause_domain(ref_->s->hypervisor(), ref_->id);
}

result<void> domain::unpause() const {
    XENPP_TRY(ref_->check("unpause domain"));
    return ctl::unpause_domain(ref_->s->hypervisor(), ref_->id);
}

result<void> domain::shutdown(shutdown_reason how) const {
    constexpr std::string_view operation = "shut down domain";
    std::string_view word;
    switch (how) {
    case shutdown_reason::poweroff: word = "poweroff"; break;
    case shutdown_reason::reboot: word = "reboot"; break;
    case shutdown_reason::suspend: word = "suspend"; break;
    case shutdown_reason::crash:
    case shutdown_reason::watchdog:
    case shutdown_reason::soft_reset:
        return fail(operation, EINVAL, "a guest can be asked to power off, reboot or suspend");
    }
    XENPP_TRY(ref_->check(operation));
    return ref_->s->store().write(detail::domain_node(id(), "control/shutdown"), word);
}

result<void> domain::destroy() const {
    XENPP_TRY(ref_->check("destroy domain"));
    return detail::destroy_domain(*ref_->s, ref_->id, ref_->uuid);
}

result<std::vector<device_info>> domain::devices(std::string_view kind) const {
    XENPP_TRY(ref_->check("list devices"));
    return detail::device_infos(*ref_->s, ref_->id, kind);
}

result<void> domain::attach(dev::new_device const& d) const {
    XENPP_TRY(ref_->check("attach device"));
    return detail::attach_device(*ref_->s, d);
}

result<void> domain::attach(dev::vbd_config const& disk) const {
    XENPP_TRY(ref_->check("attach device"));
    XENPP_TRY(attach(XENPP_TRY(detail::vbd_for(*ref_->s, disk, id()))));
    return detail::change_config(*ref_,
                                 [&disk](config::domain_config& c) { c.disks.push_back(disk); });
}

result<dev::device_address> domain::attach(dev::vif_config const& vif) const {
    XENPP_TRY(ref_->check("attach device"));
    auto id = vif.devid;
    if (!id) {
        auto const all = XENPP_TRY(dev::list_devices(ref_->s->store(), ref_->id, "vif"));
        id = 0;
        for (auto const& a : all) {
            id = std::max(*id, a.id + 1);
        }
    }
    auto const device = XENPP_TRY(detail::vif_for(*ref_->s, vif, ref_->uuid, ref_->id, *id));
    XENPP_TRY(detail::attach_device(*ref_->s, device));
    XENPP_TRY(detail::change_config(*ref_, [&](config::domain_config& c) {
        c.vifs.push_back(vif);
        c.vifs.back().devid = id;
    }));
    return device.address;
}

result<void> domain::detach(dev::device_address const& a, detach_options const& options) const {
    XENPP_TRY(ref_->check("detach device"));
    XENPP_TRY(detail::detach_device(*ref_->s, a, options));
    return detail::change_config(*ref_, [&a](config::domain_config& c) {
        if (a.kind == "vbd") {
            std::erase_if(c.disks, [&a](dev::vbd_config const& d) {
                return dev::parse_vdev(d.vdev) == a.id;
            });
        } else if (a.kind == "vif") {
            auto const ids = detail::vif_ids(c.vifs);
            auto const found = std::ranges::find(ids, a.id);
            if (found != ids.end()) {
                for (std::size_t i = 0; i < ids.size(); ++i) {
                    c.vifs[i].devid = ids[i]; // the others keep theirs
                }
                c.vifs.erase(c.vifs.begin() + (found - ids.begin()));
            }
        }
    });
}

result<void> domain::rename(std::string_view name) const {
    constexpr std::string_view operation = "rename domain";
    if (name.empty()) {
        return fail(operation, EINVAL, "a domain's name cannot be empty");
    }
    XENPP_TRY(ref_->check(operation));
    auto& s = *ref_->s;
    auto const reserved =
        detail::name_reservation::take(ref_->s, config::random_uuid(), name, ref_->id);
    if (!reserved) {
        auto e = reserved.error();
        e.operation = operation;
        return unexpected(std::move(e));
    }
    XENPP_TRY(s.store().transact([&](store::client_transaction const& t) -> result<void> {
        XENPP_TRY(t.write(detail::domain_node(ref_->id, "name"), name));
        return t.write(detail::vm_node(ref_->uuid, "name"), name);
    }));
    auto config = s.configs().load(ref_->uuid);
    if (!config) { // another toolstack's domain
        return {};
    }
    config->name = name;
    return s.keep_config(ref_->id, ref_->uuid, *config);
}

result<std::optional<shutdown_reason>>
domain::wait_for_shutdown(std::chrono::milliseconds timeout) const {
    using answer = std::optional<shutdown_reason>;
    return wait_for(*ref_->s, timeout, [this]() -> result<answer> {
        auto const info = ref_->check("wait for domain");
        if (!info) {
            return info.error().code == ESRCH ? result<answer>(shutdown_reason::poweroff)
                                              : result<answer>(unexpected(info.error()));
        }
        return detail::to_domain_info(*info, {}).reason;
    });
}

result<shutdown_reason> domain::wait_for_shutdown() const {
    for (;;) {
        if (auto const reason = XENPP_TRY(wait_for_shutdown(std::chrono::hours(1)))) {
            return *reason;
        }
    }
}

result<bool> domain::wait_until_gone(std::chrono::milliseconds timeout) const {
    auto const answer = wait_for(*ref_->s, timeout, [this]() -> result<std::optional<bool>> {
        auto const info = ref_->check("wait for domain");
        if (info) {
            return std::optional<bool>();
        }
        return info.error().code == ESRCH ? result<std::optional<bool>>(true)
                                          : unexpected(info.error());
    });
    if (!answer) {
        return unexpected(answer.error());
    }
    return answer->has_value();
}

result<config::domain_config> domain::config() const {
    return ref_->s->configs().load(ref_->uuid);
}

result<double> domain::start_time() const {
    constexpr std::string_view operation = "read the domain's start time";
    XENPP_TRY(ref_->check(operation));
    auto const text = XENPP_TRY(ref_->s->store().read(detail::vm_node(ref_->uuid, "start_time")));
    auto const seconds = parse_real(text);
    if (!seconds) {
        return fail(operation, EINVAL, "xenstore says \"" + text + "\"");
    }
    return *seconds;
}

} // namespace xenpp
