// SPDX-License-Identifier: Apache-2.0
// Serving consoles.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/ctl/domctl.hpp>

#include <fmt/format.h>

#include <daemon/consoles.hpp>

#include <algorithm>

namespace xenpp::detail {

namespace {

constexpr std::string_view console_token = "console/";
constexpr std::string_view name_token = "name/";

std::string token(std::string_view kind, domid d) {
    return fmt::format("{}{}", kind, d.raw());
}

/// The domain behind a token of this kind.
std::optional<domid> from_token(std::string_view text, std::string_view kind) {
    if (!text.starts_with(kind)) {
        return std::nullopt;
    }
    auto const d = parse_number<std::uint16_t>(text.substr(kind.size()));
    return d ? std::optional(domid(*d)) : std::nullopt;
}

std::string name_path(domid d) {
    return fmt::format("/local/domain/{}/name", d.raw());
}

} // namespace

result<std::unique_ptr<consoles>> consoles::create(console_host host) {
    return std::unique_ptr<consoles>(
        new consoles(std::move(host), XENPP_TRY(os::poller::create())));
}

/// The domains go on, and so does whoever serves them next: nothing is finished.
consoles::~consoles() {
    for (auto const& [d, c] : served_) {
        host_.events.unbind(c.port);
    }
}

void consoles::set_domains(std::set<domid> const& now) {
    auto const before = domains_;
    for (auto const d : before) {
        if (!now.contains(d)) {
            remove(d);
        }
    }
    for (auto const d : now) {
        if (!before.contains(d)) {
            add(d);
        }
    }
}

void consoles::add(domid d) {
    domains_.insert(d);
    // Both report at once, which is when the nodes are looked at.
    static_cast<void>(host_.store.watch(dev::console_path(d), token(console_token, d)));
    static_cast<void>(host_.store.watch(name_path(d), token(name_token, d)));
}

void consoles::remove(domid d) {
    if (domains_.erase(d) != 0) {
        static_cast<void>(host_.store.unwatch(dev::console_path(d), token(console_token, d)));
        static_cast<void>(host_.store.unwatch(name_path(d), token(name_token, d)));
    }
    stop(d);
}

bool consoles::changed(store::watch_report const& report) {
    if (auto const d = from_token(report.token, console_token)) {
        look_at(*d);
        return true;
    }
    if (auto const d = from_token(report.token, name_token)) {
        rename(*d);
        return true;
    }
    return false;
}

void consoles::look_at(domid d) {
    if (!domains_.contains(d)) {
        return; // a report from before it went
    }
    auto const nodes = dev::read_console(host_.store, d);
    if (!nodes) {
        complain(d, nodes.error());
        return;
    }
    auto const old = served_.find(d);
    if (old != served_.end() && *nodes && old->second.nodes == **nodes) {
        return;
    }
    stop(d);
    if (*nodes) {
        if (auto const done = serve(d, **nodes); !done) {
            complain(d, done.error());
        }
    }
}

result<void> consoles::serve(domid d, dev::console_nodes const& nodes) {
    auto const info = XENPP_TRY(ctl::get_domain_info(host_.hypervisor, d));
    auto page =
        XENPP_TRY(host_.hypervisor.doors().map_foreign(d, nodes.ring, 1, os::access::read_write));
    dev::console_backend::config c{{d, {}, name_of(d)}, host_.folder};
    std::ranges::copy(info.handle, c.owner.uuid.begin());
    if (nodes.limit != 0) {
        c.terminal_limit = std::min(c.terminal_limit, nodes.limit);
    }
    auto const port = XENPP_TRY(
        host_.events.bind_interdomain(d, nodes.port, [this, d] { return ring_event(d); }));
    auto backend = dev::console_backend::start(
        std::move(c), *reinterpret_cast<abi::xencons_interface*>(page.data()),
        [this, port] { host_.events.notify(port); });
    if (!backend) {
        host_.events.unbind(port);
        return unexpected(backend.error());
    }
    auto const tty = backend->terminal().path();
    served_.emplace(d, served{nodes, std::move(page), port, *std::move(backend)});
    XENPP_TRY(ring_event(d));
    return dev::write_console_tty(host_.store, d, tty);
}

void consoles::stop(domid d) {
    auto const c = served_.find(d);
    if (c == served_.end()) {
        return;
    }
    c->second.backend.finish();
    terminals_.remove(c->second.backend.terminal().fd());
    host_.events.unbind(c->second.port);
    served_.erase(c);
}

void consoles::rename(domid d) {
    auto const c = served_.find(d);
    if (c == served_.end() || !host_.store.exists(name_path(d)).value_or(false)) {
        return;
    }
    if (auto const done = c->second.backend.rename(name_of(d)); !done) {
        complain(d, done.error());
    }
}

std::string consoles::name_of(domid d) const {
    auto const name = host_.store.read(name_path(d));
    return name && !name->empty() ? *name : fmt::format("domain-{}", d.raw());
}

result<void> consoles::ring_event(domid d) {
    auto const c = served_.find(d);
    if (c == served_.end()) {
        return {};
    }
    // What one domain does is no error of the daemon's.
    if (auto const done = c->second.backend.ring_event(); !done) {
        complain(d, done.error());
    }
    poll_terminal(d, c->second);
    return {};
}

void consoles::dispatch() {
    for (auto const& r : terminals_.wait(0)) {
        domid const d(static_cast<std::uint16_t>(r.tag));
        if (auto const c = served_.find(d); c != served_.end()) {
            c->second.backend.terminal_event();
            poll_terminal(d, c->second);
        }
    }
}

/// Polled for what can be gone on with. A terminal for whose input the domain has no room is left
/// alone: output that waits for it goes with the next, or when there is room.
void consoles::poll_terminal(domid d, served& c) {
    auto const fd = c.backend.terminal().fd();
    bool const wanted = c.backend.wants_input();
    bool const to_write = c.backend.terminal().wants_to_write();
    if (wanted && !c.is_polled) {
        c.is_polled = terminals_.add(fd, d.raw(), to_write).has_value();
    } else if (wanted && c.is_polled_to_write != to_write) {
        static_cast<void>(terminals_.modify(fd, d.raw(), to_write));
    } else if (!wanted && c.is_polled) {
        terminals_.remove(fd);
        c.is_polled = false;
    }
    c.is_polled_to_write = to_write;
}

void consoles::complain(domid d, error const& e) const {
    host_.log(fmt::format("console of domain {}: {}", d.raw(), e.message()));
}

} // namespace xenpp::detail
