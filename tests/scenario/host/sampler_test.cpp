// SPDX-License-Identifier: Apache-2.0
// Samples of a host on which domains vanish while they are looked at.
#include "host/session.hpp"

#include <xenpp/host.hpp>
#include <xenpp/host_parts.hpp>
#include <xenpp/sampler.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/store/connection.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

using namespace xenpp;

namespace {

/// Another client's connection; before the n-th request from now on something happens.
class interrupted_store final : public store::connection {
public:
    explicit interrupted_store(std::unique_ptr<store::connection> inner)
        : inner_(std::move(inner)) {}

    void interrupt(int n, std::function<void()> by) {
        left_ = n;
        by_ = std::move(by);
    }

    result<store::message> ask(store::message request) override {
        if (left_-- == 0) {
            by_();
        }
        return inner_->ask(std::move(request));
    }

    result<std::optional<store::message>> next_event(int timeout_ms) override {
        return inner_->next_event(timeout_ms);
    }

    int event_fd() const noexcept override { return inner_->event_fd(); }

private:
    std::unique_ptr<store::connection> inner_;
    int left_ = -1;
    std::function<void()> by_;
};

} // namespace

TEST_CASE("sampler.domains_that_vanish_meanwhile_are_no_error") {
    constexpr std::uint32_t count = 12;
    auto machine = host::open_sim({.domains = count}).value();
    auto store = std::make_unique<interrupted_store>(machine.session()->connect_store().value());
    auto& interrupted = *store;
    host_parts parts;
    parts.kind = host_kind::sim;
    parts.doors = std::shared_ptr<transport::doors>(machine.session(), &machine.session()->doors());
    parts.store = std::move(store);
    auto const seen = assemble_host(std::move(parts)).value();
    sampler from(seen);
    std::uint32_t left = count;
    for (int n = 0; left != 0; ++n) {
        auto const victim = "guest" + std::to_string(left);
        bool done = false;
        interrupted.interrupt(n % 5, [&] {
            REQUIRE(machine.find(victim).value().destroy());
            done = true;
        });
        auto const s = from.take({.vcpus = true, .cpus = true});
        INFO(n);
        REQUIRE(s);
        // Nothing else shows that its name was asked for before it went.
        CHECK((s->domains.size() == left + 1 || (done && s->domains.size() == left)));
        CHECK(std::ranges::none_of(s->domains, [](auto const& d) { return d.name.empty(); }));
        left -= done ? 1 : 0;
    }
    CHECK(from.take({})->domains.size() == 1);
}

TEST_CASE("sampler.names_are_remembered_and_noticed_when_they_change") {
    auto machine = host::open_sim({.domains = 40}).value();
    sampler from(machine);
    CHECK(from.take({})->domains[40].name == "guest40");
    REQUIRE(machine.find("guest40").value().rename("other"));
    std::string name;
    for (int n = 0; n != 4 && name != "other"; ++n) {
        name = from.take({})->domains[40].name;
    }
    CHECK(name == "other");
}

TEST_CASE("sampler.takes_as_many_hypercalls_for_many_as_for_one") {
    auto one = host::open_sim({.domains = 1}).value();
    auto many = host::open_sim({.domains = 900}).value();
    for (auto* h : {&one, &many}) {
        sampler from(*h);
        static_cast<void>(from.take({}).value());
        CHECK(from.take({.vcpus = true, .cpus = true})->hypercalls == 5);
    }
}

TEST_CASE("sampler.sees_devices_of_the_kernel_and_beside_it") {
    auto machine = host::open_sim({.domains = 2}).value();
    store::client store(machine.session()->connect_store().value());
    for (auto const* const nodes :
         {"vbd/2/51712/statistics/rd_req", "xenpp-vbd/1/51712/statistics/rd_req",
          "vif/2/0/statistics/rx_bytes", "xenpp-vif/1/3/statistics/rx_bytes"}) {
        REQUIRE(store.write(std::string("/local/domain/0/backend/") + nodes, "7"));
    }
    sampler from(machine);
    auto const s = from.take({}).value();
    REQUIRE(s.vbds.size() == 2);
    CHECK(s.vbds[0].domain == domid(1));
    REQUIRE(s.vifs.size() == 2);
    CHECK(s.vifs[0].domain == domid(1));
    CHECK(s.vifs[0].id == 3);
    CHECK(s.vifs[0].rx.bytes == 7);
}
