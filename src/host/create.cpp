// SPDX-License-Identifier: Apache-2.0
// Creating a domain. Whatever a step makes belongs to a member of the state, which undoes it.
#include "host/create.hpp"

#include "host/building.hpp"
#include "host/devices.hpp"
#include "host/native.hpp"
#include "host/nodes.hpp"
#include "host/request.hpp"
#include "host/restart.hpp"

#include <xenpp/ctl/domctl.hpp>

#include <array>
#include <cerrno>
#include <optional>
#include <variant>

namespace xenpp::detail {
namespace {

/// What is kept of a domain in xenstore and in the state folder, removed unless it is released.
class kept_parts {
public:
    kept_parts(session& s, domid d, config::uuid const& uuid) noexcept
        : s_(&s), id_(d), uuid_(uuid) {}

    kept_parts(kept_parts const&) = delete;
    kept_parts& operator=(kept_parts const&) = delete;

    ~kept_parts() {
        if (s_ != nullptr) {
            static_cast<void>(release_devices(*s_, id_).has_value());
            static_cast<void>(remove_nodes(s_->store(), id_, uuid_).has_value());
            // Of a domain that is created anew it is what remains, and for who does so to remove.
            if (!s_->store().exists(restarting_path(uuid_)).value_or(true)) {
                s_->configs().remove(uuid_);
            }
        }
    }

    void release() noexcept { s_ = nullptr; }

private:
    session* s_;
    domid id_;
    config::uuid uuid_;
};

/// The order of the members is the order of undoing, backwards: nodes go before the domain does,
/// the note goes last.
struct creation {
    std::shared_ptr<session> s;
    config::domain_config const& config;
    create_options const& options;
    builder::step_observer* observer;
    config::uuid uuid;

    std::optional<build_request> request{};
    std::optional<name_reservation> reservation{};
    std::optional<builder::built_domain> built{};
    std::optional<kept_parts> kept{};
    std::vector<dev::new_device> devices{};

    domid id() const noexcept { return built->domain.id(); }
};

result<void> reserve(creation& c) {
    c.reservation = XENPP_TRY(name_reservation::take(c.s, c.uuid, c.config.name));
    return {};
}

/// On a real Xen host nobody else would carry out on_reboot and the like. Our note keeps the
/// monitor from ending before the domain is complete.
result<void> find_monitor(creation& c) {
    bool const is_wanted = c.options.monitored && c.s->kind() == host_kind::native;
    return is_wanted ? ensure_monitor(*c.s) : result<void>();
}

result<void> build(creation& c) {
    auto& hypervisor = c.s->hypervisor();
    auto const& settings = c.request->settings;
    if (auto const* const plan = std::get_if<builder::pv_plan>(&c.request->plan)) {
        c.built = XENPP_TRY(builder::build_pv(hypervisor, *plan, settings, c.observer));
    } else {
        c.built = XENPP_TRY(builder::build_pvh(
            hypervisor, std::get<builder::pvh_plan>(c.request->plan), settings, c.observer));
    }
    return {};
}

result<void> keep_config(creation& c) {
    c.kept.emplace(*c.s, c.id(), c.uuid);
    auto config = c.config;
    config.uuid = c.uuid;
    return c.s->keep_config(c.id(), c.uuid, config);
}

result<void> write_nodes(creation& c) {
    c.devices = XENPP_TRY(devices_of(*c.s, c.config, c.uuid, c.id()));
    return detail::write_nodes(c.s->store(), {
                                                 .id = c.id(),
                                                 .uuid = c.uuid,
                                                 .config = &c.config,
                                                 .kernel = c.config.kernel,
                                                 .store_page = c.built->store_page,
                                                 .console_page = c.built->console_page,
                                                 .store_port = c.built->store_port,
                                                 .console_port = c.built->console_port,
                                                 .is_monitored = c.options.monitored,
                                                 .devices = c.devices,
                                             });
}

/// What they say is wrong, they say before the domain runs.
result<void> wait_for_backends(creation& c) {
    for (auto const& d : c.devices) {
        XENPP_TRY(wait_for_backend(*c.s, d.address));
    }
    return {};
}

result<void> introduce(creation& c) {
    return c.s->store().introduce(c.id(), c.built->store_page, c.built->store_port);
}

result<void> start(creation& c) {
    return c.options.start ? ctl::unpause_domain(c.s->hypervisor(), c.id()) : result<void>();
}

/// From here on the domain stays, also when we are killed.
result<void> finish(creation& c) {
    XENPP_TRY(c.reservation->finish());
    c.kept->release();
    c.built->domain.release();
    return {};
}

using step = builder::step<creation>;
constexpr std::array first_steps{
    step{"reserving its name", reserve},
    step{"finding its monitor", find_monitor},
};
constexpr std::array last_steps{
    step{"keeping its configuration", keep_config},
    step{"writing its xenstore nodes", write_nodes},
    step{"introducing it to xenstore", introduce},
    step{"opening its devices", wait_for_backends},
    step{"starting it", start},
    step{"finishing", finish},
};

} // namespace

result<std::shared_ptr<domain_ref const>> create_domain(std::shared_ptr<session> const& s,
                                                        config::domain_config const& config,
                                                        create_options const& options,
                                                        builder::step_observer* observer) {
    auto const uuid = config.uuid ? *config.uuid : config::random_uuid();
    creation c{s, config, options, observer, uuid};
    c.request = XENPP_TRY(prepare(*s, config, uuid));
    XENPP_TRY(builder::run_steps<creation>(first_steps, c, observer));
    XENPP_TRY(build(c)); // its steps have names of their own
    XENPP_TRY(builder::run_steps<creation>(last_steps, c, observer));
    return std::make_shared<domain_ref const>(domain_ref{s, c.id(), uuid, c.config.maxvcpus});
}

result<void> destroy_domain(session& s, domid d, config::uuid const& uuid, bool keep) {
    if (d == dom0) {
        return fail("destroy domain", EINVAL, "domain 0 cannot be destroyed");
    }
    auto const lock = XENPP_TRY(release_lock::take(s, d));
    XENPP_TRY(ctl::destroy_domain(s.hypervisor(), d));
    s.turn();
    auto const released = release_devices(s, d);
    XENPP_TRY(remove_nodes(s.store(), d, uuid));
    if (!keep) {
        s.configs().remove(uuid);
    }
    return released;
}

} // namespace xenpp::detail
