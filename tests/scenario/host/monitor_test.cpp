// SPDX-License-Identifier: Apache-2.0
// The monitor: every end with every action, builders that die, restarts that are interrupted.
#include "host/building.hpp"
#include "host/create.hpp"
#include "host/nodes.hpp"
#include "host/restart.hpp"
#include "host_bed.hpp"

#include <xenpp/config/uuid.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/scheduler.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/monitor.hpp>

#include <fakes/no_descriptors.hpp>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

using namespace xenpp;
using config::shutdown_action;
using fakes::host_bed;

namespace {

struct monitor_bed : host_bed {
    monitor_bed() {
        create("first").destroy().value();
        settle();
    }

    std::vector<std::string> lines;
    monitor watcher =
        monitor::create(host, [this](std::string_view l) { lines.emplace_back(l); }).value();

    /// Lets the monitor do all it has to.
    void settle() {
        for (int quiet = 0; quiet != 3;) {
            pollfd p{watcher.fd(), POLLIN, 0};
            quiet = poll(&p, 1, 2) > 0 ? 0 : quiet + 1;
            watcher.dispatch().value();
        }
    }

    /// Makes a domain old enough to be restarted at once.
    void age(domain const& d) {
        session().store().write(detail::vm_node(d.uuid(), "start_time"), "1600000000.00").value();
    }

    void end(domain const& d, shutdown_reason why) {
        ctl::remote_shutdown(session().hypervisor(), d.id(), static_cast<std::uint32_t>(why))
            .value();
        settle();
    }

    bool says(std::string_view what) const {
        return std::ranges::any_of(
            lines, [&](auto const& l) { return l.find(what) != std::string::npos; });
    }
};

shutdown_action& action_of(config::domain_config& c, shutdown_reason why) {
    switch (why) {
    case shutdown_reason::reboot: return c.on_reboot;
    case shutdown_reason::crash: return c.on_crash;
    case shutdown_reason::watchdog: return c.on_watchdog;
    case shutdown_reason::soft_reset: return c.on_soft_reset;
    case shutdown_reason::poweroff:
    case shutdown_reason::suspend: break;
    }
    return c.on_poweroff;
}

constexpr std::array reasons{shutdown_reason::poweroff, shutdown_reason::reboot,
                             shutdown_reason::crash, shutdown_reason::watchdog,
                             shutdown_reason::soft_reset};

} // namespace

TEST_CASE("monitor.destroy leaves nothing") {
    for (auto const action : {shutdown_action::destroy, shutdown_action::coredump_destroy}) {
        for (auto const why : reasons) {
            monitor_bed b;
            auto const before = b.look();
            auto c = b.config("guest");
            action_of(c, why) = action;
            auto const dom = b.host.create(c, {.start = true}).value();
            b.end(dom, why);
            INFO(to_string(why));
            CHECK(b.look() == before);
            CHECK(b.says(to_string(why)));
            CHECK(b.says("no folder for cores") == (action == shutdown_action::coredump_destroy));
        }
    }
}

TEST_CASE("monitor.restart makes the same domain anew") {
    for (auto const action : {shutdown_action::restart, shutdown_action::coredump_restart,
                              shutdown_action::soft_reset}) {
        for (auto const why : reasons) {
            monitor_bed b;
            auto c = b.config("guest");
            action_of(c, why) = action;
            auto const dom = b.host.create(c, {.start = true}).value();
            b.age(dom);
            b.end(dom, why);
            INFO(to_string(why));
            auto const again = b.host.find("guest").value();
            CHECK(again.id() != dom.id());
            CHECK(again.uuid() == dom.uuid());
            CHECK(!again.info().value().is_paused);
            CHECK(again.config().value() == dom.config().value());
            CHECK(b.host.domains().value().size() == 2);
            CHECK(b.session().store().directory(detail::restarting_node).value().empty());
        }
    }
}

TEST_CASE("monitor.rename-restart keeps the old domain under another name and UUID") {
    monitor_bed b;
    auto c = b.config("guest");
    c.on_crash = shutdown_action::rename_restart;
    auto const dom = b.host.create(c, {.start = true}).value();
    b.age(dom);
    b.end(dom, shutdown_reason::crash);
    auto const again = b.host.find("guest").value();
    CHECK(again.uuid() == dom.uuid());
    auto const old = b.host.find(dom.id()).value();
    CHECK(old.uuid() != dom.uuid());
    CHECK(old.name().value().starts_with("guest-20"));
    CHECK(old.info().value().reason == shutdown_reason::crash);
    CHECK(!dom.info()); // the handle meant the one that ended under that UUID
    // A second crash within the same minute finds its name taken.
    b.age(again);
    b.end(again, shutdown_reason::crash);
    CHECK(b.host.domains().value().size() == 4);
    CHECK(b.host.find("guest"));
    b.host.find(again.id()).value().destroy().value();
    old.destroy().value();
    b.host.find("guest").value().destroy().value();
}

TEST_CASE("monitor.preserve leaves the domain as it ended, and says so once") {
    monitor_bed b;
    auto c = b.config("guest");
    c.on_crash = shutdown_action::preserve;
    auto const dom = b.host.create(c, {.start = true}).value();
    b.end(dom, shutdown_reason::crash);
    b.start("other"); // something to look at again
    b.settle();
    CHECK(dom.info().value().reason == shutdown_reason::crash);
    CHECK(b.lines.size() == 1);
}

TEST_CASE("monitor.a suspended domain is its saver's") {
    monitor_bed b;
    auto const dom = b.start("guest");
    b.end(dom, shutdown_reason::suspend);
    CHECK(dom.info().value().reason == shutdown_reason::suspend);
}

TEST_CASE("monitor.leaves alone what it was told to leave alone") {
    monitor_bed b;
    auto const dom = b.host.create(b.config("guest"), {.start = true, .monitored = false}).value();
    b.end(dom, shutdown_reason::poweroff);
    CHECK(dom.info().value().is_shut_down);
    CHECK(b.lines.empty());
}

TEST_CASE("monitor.a guest that cannot live is restarted no sooner than after two seconds") {
    monitor_bed b;
    auto const dom = b.start("guest");
    b.end(dom, shutdown_reason::reboot);
    CHECK(dom.info().value().is_shut_down); // not yet
    b.age(dom);
    for (int i = 0; i != 300 && dom.info(); ++i) {
        b.settle(); // it looks again within a quarter of a second
    }
    CHECK(b.host.find("guest").value().id() != dom.id());
}

TEST_CASE("monitor.a restart that fails is given up with a word") {
    monitor_bed b;
    auto const dom = b.start("guest");
    b.age(dom);
    std::filesystem::remove(b.kernel);
    b.end(dom, shutdown_reason::reboot);
    CHECK(!b.host.find("guest"));
    CHECK(b.says("kernel"));
    CHECK(b.session().store().directory(detail::restarting_node).value().empty());
}

namespace {

/// The identity of a process that is dead by now.
detail::process_identity dead_process() {
    auto const pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    waitpid(pid, nullptr, 0);
    return {pid, 1};
}

/// Makes a note look as if its writer had died.
void kill_builder(detail::session& s, config::uuid const& uuid, std::string const& name) {
    auto const dead = dead_process();
    s.store()
        .write(detail::building_path(uuid),
               std::to_string(dead.pid) + " " + std::to_string(dead.start) + " " + name)
        .value();
}

} // namespace

TEST_CASE("monitor.removes what a dead builder left, whatever it had come to") {
    monitor_bed b;
    auto const before = b.look();
    SECTION("a complete domain without its last step") {
        auto const dom = b.create("guest");
        kill_builder(b.session(), dom.uuid(), "guest");
    }
    SECTION("a domain that xenstore does not know yet") {
        auto const dom = b.create("guest");
        kill_builder(b.session(), dom.uuid(), "guest");
        detail::remove_nodes(b.session().store(), dom.id(), dom.uuid()).value();
    }
    SECTION("a note alone") {
        kill_builder(b.session(), config::random_uuid(), "guest");
    }
    b.settle();
    CHECK(b.look() == before);
    CHECK(b.host.create(b.config("guest")));
}

TEST_CASE("monitor.a living builder is left alone, and its domain too") {
    monitor_bed b;
    auto const reserved =
        detail::name_reservation::take(b.host.session(), config::random_uuid(), "guest").value();
    b.settle();
    CHECK(detail::building_notes(b.session().store()).value().size() == 1);
}

TEST_CASE("monitor.goes on with a restart that its predecessor began") {
    host_bed b;
    auto const dom = b.start("guest");
    auto const note = detail::restarting_path(dom.uuid());
    SECTION("the old domain is destroyed") {
        b.session().store().write(note, "guest").value();
        detail::destroy_domain(b.session(), dom.id(), dom.uuid(), true).value();
    }
    SECTION("the new domain is half built") {
        kill_builder(b.session(), dom.uuid(), "guest");
        b.session().store().write(note, "guest").value();
    }
    SECTION("the old domain is renamed, but has its UUID still") {
        auto const other = config::format(config::random_uuid());
        b.session().store().write(note, "guest").value();
        b.session().store().write(detail::libxl_node(dom.id(), "uuid"), other).value();
        b.session().store().write(detail::domain_node(dom.id(), "name"), "aside").value();
    }
    SECTION("the new domain is there") {
        b.session().store().write(note, "guest").value();
    }
    monitor next = monitor::create(b.host).value();
    for (int i = 0; i != 4; ++i) {
        pollfd p{next.fd(), POLLIN, 0};
        poll(&p, 1, 5);
        next.dispatch().value();
    }
    auto const again = b.host.find("guest").value();
    CHECK(again.uuid() == dom.uuid());
    CHECK(!again.info().value().is_paused);
    CHECK(b.session().store().directory(detail::restarting_node).value().empty());
}

TEST_CASE("monitor.sweeps up after a domain that somebody just destroyed") {
    monitor_bed b;
    auto const before = b.look();
    auto const dom = b.create("guest");
    ctl::destroy_domain(b.session().hypervisor(), dom.id()).value();
    b.settle();
    CHECK(b.look() == before);
}

TEST_CASE("monitor.a restart for which there is no descriptor is made up for") {
    monitor_bed b;
    auto const dom = b.start("guest");
    b.age(dom);
    {
        fakes::no_descriptors const full;
        ctl::remote_shutdown(b.session().hypervisor(), dom.id(),
                             static_cast<std::uint32_t>(shutdown_reason::reboot))
            .value();
        b.settle();
        CHECK_FALSE(b.host.find("guest")); // its kernel could not be opened
        b.watcher.look().value();
        CHECK(b.watcher.has_work()); // and is looked at again soon
    }
    b.watcher.look().value();
    CHECK(b.host.find("guest").value().uuid() == dom.uuid());
    CHECK(b.session().store().directory(detail::restarting_node).value().empty());
}

TEST_CASE("monitor.a builder that nobody can look at is not dead") {
    auto const me = detail::process_identity::of_this_process().value();
    CHECK(me.is_alive());
    CHECK_FALSE(detail::process_identity{me.pid, me.start + 1}.is_alive());
    fakes::no_descriptors const full;
    CHECK(me.is_alive());
    CHECK_FALSE(detail::process_identity::of_this_process());
}

TEST_CASE("monitor.while a core is written or a domain built others have their turn") {
    monitor_bed b;
    unsigned turns = 0;
    host_parts parts;
    parts.kind = host_kind::sim;
    parts.doors = std::shared_ptr<transport::doors>(std::shared_ptr<void>(), &b.session().doors());
    parts.store = b.session().connect_store().value();
    parts.turn = [&](int most_ms) {
        turns += most_ms != 0 ? 1 : 0;
        b.session().turn();
    };
    auto daemon = assemble_host(std::move(parts)).value();
    auto const dom = daemon.create(b.config("guest"), {.start = true}).value();
    turns = 0;
    dom.dump_core(b.folder.file("core", {})).value();
    CHECK(turns >= 16); // its MiB
    turns = 0;
    auto watcher = monitor::create(daemon, {}).value();
    b.age(dom);
    ctl::remote_shutdown(b.session().hypervisor(), dom.id(),
                         static_cast<std::uint32_t>(shutdown_reason::reboot))
        .value();
    watcher.look().value();
    CHECK(daemon.find("guest").value().id() != dom.id());
    CHECK(turns >= 8); // the steps of a build
}
