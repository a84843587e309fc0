// SPDX-License-Identifier: Apache-2.0
// Devices on their way through xenstore, with a kind of device that only remembers.
#include "fakes/backend_bed.hpp"

#include <xenpp/dev/xenbus/backend_bus.hpp>
#include <xenpp/store/path.hpp>

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <string>

namespace {

using namespace xenpp;
using dev::xenbus_state;

struct memory_of_device {
    std::string calls; ///< p, c (C: resumed), d
    bool fail_prepare = false;
    bool fail_connect = false;
    bool is_late = false; ///< at preparing
    bool is_slow = false; ///< at disconnecting
    bool is_there = false;
    unsigned counted = 0;
    dev::backend_context* context = nullptr;
};

std::map<dev::device_address, memory_of_device> remembered;

class remembering final : public dev::backend {
public:
    explicit remembering(dev::backend_context c)
        : context_(std::move(c)), memory_(remembered[context_.address]) {
        memory_.is_there = true;
        memory_.context = &context_;
    }

    ~remembering() override { memory_.is_there = false; }

    result<std::optional<dev::node_list>> prepare() override {
        memory_.calls += 'p';
        if (memory_.is_late) {
            return std::optional<dev::node_list>();
        }
        if (memory_.fail_prepare) {
            return fail("open image", ENOENT, "/no/such.img");
        }
        return std::optional(dev::node_list{{"feature-x", "1"}});
    }

    result<dev::node_list> connect(bool is_resumed) override {
        memory_.calls += is_resumed ? 'C' : 'c';
        if (memory_.fail_connect) {
            return fail("map ring", EINVAL, "grant 8");
        }
        return dev::node_list{{"size", "100"}};
    }

    bool disconnect() noexcept override {
        memory_.calls += 'd';
        return !memory_.is_slow;
    }

    dev::node_list statistics() const override {
        return {{"rd_req", std::to_string(memory_.counted)}};
    }

private:
    dev::backend_context context_;
    memory_of_device& memory_;
};

const std::array kinds{
    dev::backend_kind{"vbd", [](dev::backend_context c) -> result<std::unique_ptr<dev::backend>> {
                          return std::unique_ptr<dev::backend>(new remembering(std::move(c)));
                      }}};

struct bed {
    bed() { remembered.clear(); }

    void start() {
        bus = dev::backend_bus::create(client, services, kinds, address.is_beside_kernel).value();
    }

    void settle() {
        do {
            while (auto const report = client.read_watch(0).value()) {
                CHECK(bus->changed(*report));
            }
        } while (bus->dispatch());
    }

    void add(std::uint32_t id = 51712) {
        dev::new_device const d{{"vbd", domid(3), id, dom0, address.is_beside_kernel},
                                {{"virtual-device", "1"}},
                                {{"mode", "w"}}};
        REQUIRE(toolstack.transact(
            [&](store::client_transaction const& t) { return dev::write_device(t, d); }));
        settle();
    }

    void frontend(int state) {
        REQUIRE(guest.write("device/vbd/51712/state", std::to_string(state)));
        settle();
    }

    int state() {
        return static_cast<int>(dev::read_state(toolstack, dev::backend_path(address)).value());
    }

    void detach() {
        REQUIRE(toolstack.transact(
            [&](store::client_transaction const& t) { return dev::ask_to_close(t, address); }));
        settle();
    }

    void remove() {
        REQUIRE(toolstack.transact(
            [&](store::client_transaction const& t) { return dev::remove_device(t, address); }));
        settle();
    }

    std::string said() { return toolstack.read(dev::error_path(address) + "/error").value_or(""); }

    memory_of_device& device() { return remembered[address]; }

    dev::device_address address{"vbd", domid(3), 51712};
    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    store::client toolstack{store::connect_memory(server, dom0, true)};
    store::client guest{store::connect_memory(server, domid(3), false)};
    fakes::scripted_doors doors;
    fakes::fake_services services{doors};
    std::unique_ptr<dev::backend_bus> bus;
};

} // namespace

TEST_CASE("backend_bus.a_device_from_attach_to_detach") {
    bed b;
    b.start();
    b.add();
    CHECK(b.state() == 2);
    CHECK(b.guest.read("/local/domain/0/backend/vbd/3/51712/feature-x").value() == "1");
    CHECK(b.guest.read("device/vbd/51712/backend").value() == dev::backend_path(b.address));
    b.frontend(3);
    CHECK(b.state() == 4);
    CHECK(b.guest.read("/local/domain/0/backend/vbd/3/51712/size").value() == "100");
    b.frontend(4);
    b.detach();
    CHECK(b.state() == 5);
    CHECK(b.device().calls == "pc");
    b.frontend(5);
    b.frontend(6);
    CHECK(b.state() == 6);
    CHECK(b.device().calls == "pcd");
    b.remove();
    CHECK_FALSE(b.device().is_there);
    CHECK(b.bus->device_count() == 0);
    for (auto const* const gone : {"/local/domain/0/backend/vbd/3", "/libxl/3/device/vbd/51712",
                                   "/local/domain/3/device/vbd/51712"}) {
        CHECK_FALSE(b.toolstack.exists(gone).value());
    }
}

TEST_CASE("backend_bus.what_a_frontend_creates_below_its_state_is_no_news") {
    bed b;
    b.start();
    b.add();
    REQUIRE(b.guest.write("device/vbd/51712/state/x", "1"));
    auto const report = b.client.read_watch(0).value();
    REQUIRE(report);
    CHECK(report->path == "/local/domain/3/device/vbd/51712/state/x");
    CHECK(b.bus->changed(*report)); // ours, but
    CHECK_FALSE(b.bus->dispatch());
    b.frontend(3);
    CHECK(b.state() == 4);
}

TEST_CASE("backend_bus.beside_the_kernel_a_device_has_a_directory_of_another_name") {
    bed b;
    b.address.is_beside_kernel = true;
    b.start();
    // One of the kernel's is none of ours.
    dev::new_device const kernels{{"vbd", domid(3), 51728}, {}, {}};
    REQUIRE(b.toolstack.transact(
        [&](store::client_transaction const& t) { return dev::write_device(t, kernels); }));
    b.add();
    CHECK(b.state() == 2);
    CHECK(b.bus->device_count() == 1);
    CHECK(b.bus->frontends() == std::set<domid>{domid(3)});
    CHECK(b.guest.read("device/vbd/51712/backend").value() ==
          "/local/domain/0/backend/xenpp-vbd/3/51712");
    CHECK(dev::list_beside_kernel(b.toolstack).value() == std::vector{b.address});
    CHECK(dev::list_devices(b.toolstack, domid(3)).value().size() == 2);
    b.frontend(3);
    CHECK(b.state() == 4);
    b.bus->remove(domid(3));
    b.remove();
    CHECK(b.bus->device_count() == 0);
    CHECK(dev::list_beside_kernel(b.toolstack).value().empty());
}

TEST_CASE("backend_bus.what_cannot_be_opened_says_why_and_is_not_tried_for_ever") {
    bed b;
    b.start();
    b.device().fail_prepare = true;
    b.add();
    CHECK(b.state() == 6);
    CHECK(b.said().find("/no/such.img") != std::string::npos);
    CHECK(b.device().calls == "pd");
    b.remove();
    CHECK(b.said().empty());
    CHECK(dev::list_devices(b.toolstack, domid(3)).value().empty());
}

TEST_CASE("backend_bus.what_takes_time_to_open_is_asked_again") {
    bed b;
    b.start();
    b.device().is_late = true;
    b.add();
    CHECK(b.state() == 1);
    b.device().is_late = false;
    b.device().context->prepared();
    b.settle();
    CHECK(b.state() == 2);
    CHECK(b.device().calls.size() > 1);
}

TEST_CASE("backend_bus.a_frontend_whose_ring_cannot_be_mapped_is_closed") {
    bed b;
    b.start();
    b.device().fail_connect = true;
    b.add();
    b.frontend(3);
    CHECK(b.state() == 5);
    CHECK(b.said().find("grant 8") != std::string::npos);
    b.frontend(6);
    CHECK(b.state() == 6);
    b.device().fail_connect = false;
    b.frontend(1); // its kernel tries anew
    CHECK(b.state() == 2);
    b.frontend(3);
    CHECK(b.state() == 4);
}

TEST_CASE("backend_bus.a_device_that_fails_later_is_closed_with_its_reason") {
    bed b;
    b.start();
    b.add();
    b.frontend(4);
    b.device().context->failed(error{"vbd", 0, "the ring is broken"});
    b.settle();
    CHECK(b.state() == 5);
    CHECK(b.said().find("the ring is broken") != std::string::npos);
    CHECK(b.device().calls == "pcd");
}

TEST_CASE("backend_bus.a_domain_that_vanishes_is_let_go_at_once_or_when_its_work_is_done") {
    bed b;
    b.start();
    b.add();
    b.frontend(4);
    b.device().is_slow = GENERATE(false, true);
    SECTION("by its nodes") {
        b.remove();
    }
    SECTION("by the hypervisor's word") {
        b.bus->remove(domid(3));
    }
    CHECK(b.bus->device_count() == 0);
    CHECK(b.device().is_there == b.device().is_slow);
    if (b.device().is_slow) {
        b.device().context->disconnected();
    }
    b.bus->dispatch();
    CHECK_FALSE(b.device().is_there);
    CHECK(b.device().calls == "pcd");
}

TEST_CASE("backend_bus.what_a_script_wrote_of_a_device_that_is_gone_goes_too") {
    bed b;
    b.address.is_beside_kernel = GENERATE(false, true);
    auto const back = dev::backend_path(b.address);
    auto const script_ends = [&] {
        REQUIRE(b.client.write(back + "/hotplug-status", "error"));
        REQUIRE(b.client.write(back + "/hotplug-error", "no such device"));
    };
    SECTION("while it was in flight") {
        b.start();
        b.add();
        b.frontend(4);
        b.device().is_slow = true;
        b.remove();
        CHECK(b.bus->is_busy());
        script_ends();
        b.device().context->disconnected();
        b.settle();
        CHECK_FALSE(b.bus->is_busy());
    }
    SECTION("for the process before this one") {
        script_ends();
        b.start();
        b.settle();
    }
    CHECK_FALSE(b.toolstack.exists(back).value());
    CHECK_FALSE(b.toolstack.exists(std::string(store::parent_of(back))).value());
}

TEST_CASE("backend_bus.a_device_that_is_being_made_by_many_writes_is_left_alone") {
    bed b;
    b.start();
    auto const back = dev::backend_path(b.address);
    REQUIRE(b.toolstack.write(back + "/hotplug-status", "connected"));
    REQUIRE(b.toolstack.write(back + "/frontend-id", "3"));
    b.settle();
    CHECK(b.toolstack.exists(back).value());
}

TEST_CASE("backend_bus.closed_is_only_said_once_nothing_is_in_flight") {
    bed b;
    b.start();
    b.add();
    b.frontend(4);
    b.device().is_slow = true;
    b.frontend(6);
    CHECK(b.state() == 4);
    b.device().context->disconnected();
    b.settle();
    CHECK(b.state() == 6);
}

TEST_CASE("backend_bus.a_successor_goes_on_with_what_was_connected") {
    bed b;
    b.start();
    b.add();
    b.frontend(4);
    b.bus.reset();
    CHECK(b.state() == 4);
    b.client = store::client(store::connect_memory(b.server, dom0, true));
    b.start();
    b.settle();
    CHECK(b.state() == 4);
    CHECK(b.device().calls == "pcpC");
    SECTION("and closes it") {
        b.frontend(6);
        CHECK(b.state() == 6);
    }
    SECTION("or finds that it cannot") {
        b.bus.reset();
        b.device().fail_prepare = true;
        b.client = store::client(store::connect_memory(b.server, dom0, true));
        b.start();
        b.settle();
        CHECK(b.state() == 5);
    }
}

TEST_CASE("backend_bus.a_kernel_that_begins_anew_without_closing_gets_a_fresh_device") {
    bed b;
    b.start();
    b.add();
    b.frontend(4);
    b.frontend(1);
    CHECK(b.state() == 2);
    CHECK(b.device().calls == "pcdp");
}

TEST_CASE("backend_bus.kinds_that_nobody_serves_and_paths_that_are_none_are_left_alone") {
    bed b;
    b.start();
    dev::new_device const d{{"vtpm", domid(3), 0}, {}, {}};
    REQUIRE(b.toolstack.transact(
        [&](store::client_transaction const& t) { return dev::write_device(t, d); }));
    REQUIRE(b.toolstack.write("/local/domain/0/backend/vbd/x/y", "z"));
    REQUIRE(b.toolstack.write("/local/domain/0/backend/vbd/3/99999999999/state", "1"));
    b.settle();
    CHECK(b.bus->device_count() == 0);
    CHECK(b.services.lines.empty());
}

TEST_CASE("devices.one_number_one_device") {
    bed b;
    b.start();
    b.add();
    b.add(51728);
    CHECK(dev::list_devices(b.toolstack, domid(3), "vbd").value().size() == 2);
    CHECK(dev::list_devices(b.toolstack, domid(3), "vif").value().empty());
    dev::new_device const again{b.address, {}, {}};
    auto const refused = b.toolstack.transact(
        [&](store::client_transaction const& t) { return dev::write_device(t, again); });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == EEXIST);
}

TEST_CASE("backend_bus.counts_are_written_when_they_changed") {
    bed b;
    b.start();
    b.add();
    auto const node = dev::backend_path(b.address) + "/statistics/rd_req";
    b.bus->write_statistics();
    CHECK_FALSE(b.toolstack.exists(node).value()); // not connected yet
    b.frontend(3);
    b.device().counted = 7;
    b.bus->write_statistics();
    CHECK(b.toolstack.read(node).value() == "7");
    REQUIRE(b.toolstack.write(node, "untouched"));
    b.bus->write_statistics();
    CHECK(b.toolstack.read(node).value() == "untouched");
    b.device().counted = 8;
    b.bus->write_statistics();
    CHECK(b.toolstack.read(node).value() == "8");
    b.settle();
    // The toolstack removed the device meanwhile: nothing of it comes back.
    REQUIRE(b.toolstack.transact(
        [&](store::client_transaction const& t) { return dev::remove_device(t, b.address); }));
    b.device().counted = 9;
    b.bus->write_statistics();
    CHECK_FALSE(b.toolstack.exists(dev::backend_path(b.address)).value());
}

TEST_CASE("backend_bus.a_new_device_that_a_late_frontend_closed_is_new_again") {
    bed b;
    b.start();
    b.add();
    // The frontend of the device that had this number before.
    b.frontend(5);
    CHECK(b.state() == 5);
    b.frontend(6);
    CHECK(b.toolstack.read(dev::frontend_path(b.address) + "/state").value() == "1");
    CHECK(b.state() == 2);
    b.frontend(3);
    CHECK(b.state() == 4);
    // Who has been connected is taken at his word.
    b.frontend(5);
    b.frontend(6);
    CHECK(b.toolstack.read(dev::frontend_path(b.address) + "/state").value() == "6");
    CHECK(b.state() == 6);
}

TEST_CASE("backend_bus.a_late_frontend_may_come_before_us") {
    bed b;
    b.start();
    b.settle();
    dev::new_device const d{b.address, {{"virtual-device", "1"}}, {{"mode", "w"}}};
    REQUIRE(b.toolstack.transact(
        [&](store::client_transaction const& t) { return dev::write_device(t, d); }));
    b.frontend(5);
    CHECK(b.state() == 6);
    b.frontend(6);
    CHECK(b.toolstack.read(dev::frontend_path(b.address) + "/state").value() == "1");
    CHECK(b.state() == 2);
}

TEST_CASE("backend_bus.a_frontend_that_closes_twice_means_it") {
    bed b;
    b.start();
    b.add();
    for (int i = 0; i < 2; ++i) {
        b.frontend(5);
        b.frontend(6);
    }
    CHECK(b.toolstack.read(dev::frontend_path(b.address) + "/state").value() == "6");
    CHECK(b.state() == 6);
    // Also of a device that is being detached.
    b.frontend(1);
    CHECK(b.state() == 2);
    b.detach();
    b.frontend(6);
    CHECK(b.toolstack.read(dev::frontend_path(b.address) + "/state").value() == "6");
}
