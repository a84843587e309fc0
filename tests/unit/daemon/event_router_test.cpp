// SPDX-License-Identifier: Apache-2.0
// Events find their actions, whatever those do meanwhile.
#include <daemon/event_router.hpp>

#include <deque>
#include <memory>
#include <set>
#include <vector>

using namespace xenpp;

namespace {

/// What a broker would be told.
struct ports {
    std::deque<evtchn_port> pending;
    std::set<evtchn_port> bound;
    std::vector<evtchn_port> unmasked;
    std::set<evtchn_port> ringing; ///< pending again as soon as they are unmasked
    std::uint32_t next = 1;
};

class fake_channels final : public transport::event_channels {
public:
    explicit fake_channels(ports& p) : ports_(p) {}

    int fd() const noexcept override { return -1; }

    result<std::optional<evtchn_port>> pending() override {
        if (ports_.pending.empty()) {
            return std::optional<evtchn_port>();
        }
        auto const p = ports_.pending.front();
        ports_.pending.pop_front();
        return std::optional(p);
    }

    result<void> unmask(evtchn_port p) override {
        ports_.unmasked.push_back(p);
        if (ports_.ringing.contains(p)) {
            ports_.pending.push_back(p);
        }
        return {};
    }

    result<void> notify(evtchn_port) override { return {}; }

    result<evtchn_port> bind_virq(unsigned) override { return bind(); }

    result<evtchn_port> bind_interdomain(domid, evtchn_port remote) override {
        return remote.raw() == 0 ? result<evtchn_port>(fail("bind", errc::inval)) : bind();
    }

    result<evtchn_port> bind_unbound(domid) override { return bind(); }

    result<void> unbind(evtchn_port p) override {
        ports_.bound.erase(p);
        return {};
    }

private:
    evtchn_port bind() { return *ports_.bound.insert(evtchn_port(ports_.next++)).first; }

    ports& ports_;
};

} // namespace

TEST_CASE("event_router.does_what_an_event_calls_for_and_then_unmasks") {
    ports p;
    detail::event_router router(std::make_unique<fake_channels>(p));
    std::vector<int> done;
    auto const a = router.bind_virq(3, [&]() -> result<void> {
        CHECK(p.unmasked.empty());
        done.push_back(1);
        return {};
    });
    p.pending = {a.value(), evtchn_port(99)}; // the second is nobody's any more
    REQUIRE(router.dispatch());
    CHECK(done == std::vector{1});
    CHECK(p.unmasked == std::vector{a.value()});
}

TEST_CASE("event_router.lets_an_action_unbind_its_own_port_and_others") {
    ports p;
    detail::event_router router(std::make_unique<fake_channels>(p));
    evtchn_port a;
    evtchn_port b;
    bool b_ran = false;
    a = router
            .bind_interdomain(domid(1), evtchn_port(1),
                              [&]() -> result<void> {
                                  router.unbind(a);
                                  router.unbind(b);
                                  return {};
                              })
            .value();
    b = router
            .bind_interdomain(domid(1), evtchn_port(2),
                              [&]() -> result<void> {
                                  b_ran = true;
                                  return {};
                              })
            .value();
    p.pending = {a, b};
    REQUIRE(router.dispatch());
    CHECK_FALSE(b_ran);
    CHECK(p.unmasked.empty());
    CHECK(p.bound.empty());
}

TEST_CASE("event_router.goes_on_after_an_error_and_returns_the_first") {
    ports p;
    detail::event_router router(std::make_unique<fake_channels>(p));
    int ran = 0;
    auto const action = [&]() -> result<void> {
        return fail("act", ++ran == 1 ? "first" : "later");
    };
    auto const a = router.bind_virq(1, action).value();
    auto const b = router.bind_virq(2, action).value();
    p.pending = {a, b};
    auto const done = router.dispatch();
    REQUIRE_FALSE(done);
    CHECK(done.error().detail == "first");
    CHECK(ran == 2);
    CHECK(p.unmasked.size() == 2);
    CHECK_FALSE(router.bind_interdomain(domid(1), evtchn_port(0), action));
}

TEST_CASE("event_router.who_rings_without_end_holds_nobody_up") {
    ports p;
    detail::event_router router(std::make_unique<fake_channels>(p));
    int loud_ran = 0;
    int quiet_ran = 0;
    auto const loud =
        router
            .bind_interdomain(domid(1), evtchn_port(1),
                              [&loud_ran, &p]() -> result<void> {
                                  if (++loud_ran == 1000) { // as far as this test waits
                                      p.ringing.clear();
                                  }
                                  return {};
                              })
            .value();
    auto const quiet = router
                           .bind_interdomain(domid(2), evtchn_port(1),
                                             [&quiet_ran]() -> result<void> {
                                                 ++quiet_ran;
                                                 return {};
                                             })
                           .value();
    p.ringing = {loud};
    p.pending = {loud, quiet};
    REQUIRE(router.dispatch());
    CHECK(loud_ran <= 3);
    CHECK(quiet_ran == 1);
    CHECK(p.pending == std::deque{loud}); // for the next call
}
