// SPDX-License-Identifier: Apache-2.0
// Event channels in the two-level layout: making, connecting, sending, masking, closing, limits.
#include <xenpp/hv/event_channel_op.hpp>

#include <fakes/fake_machine.hpp>

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <utility>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::evtchn_op;

namespace {

struct events_fixture {
    fake_machine m;
    domain& control = *m.hv->control;
    domain& a = m.add_guest(1);
    domain& b = m.add_guest(2);

    template <class Op>
    long call(vcpu& v, evtchn_op cmd, Op& op) {
        return m.call(&hv::do_event_channel_op<fakes::platform>, v, static_cast<std::uint64_t>(cmd),
                      op);
    }

    long on_port(domain& d, evtchn_op cmd, std::uint32_t port) {
        return call(*d.vcpus[0], cmd, port);
    }

    std::uint32_t alloc_unbound(domain& d, std::uint16_t remote) {
        abi::evtchn_alloc_unbound op{0x7ff0, remote, 0};
        REQUIRE(call(*d.vcpus[0], evtchn_op::alloc_unbound, op) == 0);
        return op.port;
    }

    long bind(domain& d, std::uint16_t remote, std::uint32_t port, std::uint32_t& local) {
        abi::evtchn_bind_interdomain op{};
        op.remote_dom = remote;
        op.remote_port = port;
        long const r = call(*d.vcpus[0], evtchn_op::bind_interdomain, op);
        local = op.local_port;
        return r;
    }

    /// A connected pair: the port of `a`, the port of `b`, nothing pending.
    std::pair<std::uint32_t, std::uint32_t> connect() {
        auto const pa = alloc_unbound(a, 2);
        std::uint32_t pb = 0;
        REQUIRE(bind(b, 1, pa, pb) == 0);
        take(b);
        return {pa, pb};
    }

    abi::evtchn_status status(domain& d, std::uint32_t port) {
        abi::evtchn_status op{};
        op.dom = d.id.raw();
        op.port = port;
        REQUIRE(call(*control.vcpus[0], evtchn_op::status, op) == 0);
        return op;
    }

    /// What the guest's handler would find and clear: the pending ports of one vCPU.
    static std::set<std::uint32_t> take(domain& d, unsigned n = 0) {
        std::set<std::uint32_t> ports;
        auto& info = *d.vcpus[n]->info;
        info.evtchn_upcall_pending = 0;
        std::uint64_t const words = std::exchange(info.evtchn_pending_sel, 0);
        for (unsigned w = 0; w < 64; ++w) {
            if (((words >> w) & 1) == 0) {
                continue;
            }
            std::uint64_t const ready =
                d.shared_info->evtchn_pending[w] & ~d.shared_info->evtchn_mask[w];
            d.shared_info->evtchn_pending[w] &= ~ready;
            for (unsigned bit = 0; bit < 64; ++bit) {
                if (((ready >> bit) & 1) != 0) {
                    ports.insert(w * 64 + bit);
                }
            }
        }
        return ports;
    }
};

using ports = std::set<std::uint32_t>;

} // namespace

TEST_CASE_METHOD(events_fixture, "event_channel.ports_are_given_out_from_1_lowest_first") {
    CHECK(alloc_unbound(a, 0) == 1);
    CHECK(alloc_unbound(a, 0) == 2);
    CHECK(alloc_unbound(a, 0) == 3);
    CHECK(on_port(a, evtchn_op::close, 2) == 0);
    CHECK(on_port(a, evtchn_op::close, 1) == 0);
    CHECK(alloc_unbound(a, 0) == 1);
    CHECK(alloc_unbound(a, 0) == 2);
    CHECK(alloc_unbound(a, 0) == 4);
}

TEST_CASE_METHOD(events_fixture, "event_channel.send_reaches_the_peer_and_only_the_peer") {
    auto const [pa, pb] = connect();
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(b.vcpus[0]->info->evtchn_upcall_pending == 1);
    CHECK(hv::event_pending(*b.vcpus[0]));
    CHECK_FALSE(hv::event_pending(*a.vcpus[0]));
    CHECK(take(b) == ports{pb});
    CHECK(on_port(b, evtchn_op::send, pb) == 0);
    CHECK(take(a) == ports{pa});
}

TEST_CASE_METHOD(events_fixture, "event_channel.binding_raises_the_new_port") {
    auto const pa = alloc_unbound(a, 2);
    std::uint32_t pb = 0;
    REQUIRE(bind(b, 1, pa, pb) == 0);
    CHECK(take(b) == ports{pb});
    CHECK(take(a).empty());
}

TEST_CASE_METHOD(events_fixture, "event_channel.only_the_named_domain_may_bind") {
    auto const pa = alloc_unbound(a, 2);
    std::uint32_t local = 0;
    CHECK(bind(control, 1, pa, local) == to_abi(errc::inval));
    CHECK(bind(b, 1, pa + 1, local) == to_abi(errc::inval));
    CHECK(bind(b, 1, 1'000'000, local) == to_abi(errc::inval));
    CHECK(bind(b, 9, pa, local) == to_abi(errc::srch));
    CHECK(bind(b, 1, 0, local) == to_abi(errc::inval));
    CHECK(bind(b, 1, pa, local) == 0);
    CHECK(bind(b, 1, pa, local) == to_abi(errc::inval));
    CHECK(b.events.active_ports == 1);
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_domain_connects_to_itself") {
    auto const near = alloc_unbound(a, 0x7ff0);
    std::uint32_t far = 0;
    REQUIRE(bind(a, 0x7ff0, near, far) == 0);
    take(a);
    CHECK(on_port(a, evtchn_op::send, near) == 0);
    CHECK(take(a) == ports{far});
    CHECK(on_port(a, evtchn_op::close, far) == 0);
    CHECK(status(a, near).status == abi::evtchnstat_unbound);
    CHECK(on_port(a, evtchn_op::close, near) == 0);
    CHECK(a.events.active_ports == 0);
}

TEST_CASE_METHOD(events_fixture, "event_channel.close_leaves_the_peer_waiting") {
    auto const [pa, pb] = connect();
    auto const before = status(a, pa);
    CHECK(before.status == abi::evtchnstat_interdomain);
    CHECK(before.u.interdomain.dom == 2);
    CHECK(before.u.interdomain.port == pb);
    CHECK(on_port(b, evtchn_op::close, pb) == 0);
    CHECK(status(b, pb).status == abi::evtchnstat_closed);
    auto const after = status(a, pa);
    CHECK(after.status == abi::evtchnstat_unbound);
    CHECK(after.u.unbound.dom == 2);
    CHECK(on_port(a, evtchn_op::send, pa) == 0); // swallowed
    CHECK(on_port(b, evtchn_op::send, pb) == to_abi(errc::inval));
    CHECK(on_port(b, evtchn_op::close, pb) == to_abi(errc::inval));
    std::uint32_t again = 0;
    CHECK(bind(b, 1, pa, again) == 0);
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_closed_port_is_not_pending_when_reused") {
    auto const [pa, pb] = connect();
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(on_port(b, evtchn_op::close, pb) == 0);
    CHECK(alloc_unbound(b, 0) == pb);
    CHECK_FALSE(hv::port_is_pending(b, evtchn_port(pb)));
}

TEST_CASE_METHOD(events_fixture, "event_channel.virqs_follow_their_scope") {
    auto bind_virq = [&](domain& d, std::uint32_t virq, std::uint32_t v, std::uint32_t& port) {
        abi::evtchn_bind_virq op{virq, v, 0};
        long const r = call(*d.vcpus[0], evtchn_op::bind_virq, op);
        port = op.port;
        return r;
    };
    std::uint32_t t0 = 0;
    std::uint32_t t1 = 0;
    std::uint32_t exc = 0;
    std::uint32_t none = 0;
    CHECK(bind_virq(a, abi::virq_timer, 0, t0) == 0);
    CHECK(bind_virq(a, abi::virq_timer, 1, t1) == 0);
    CHECK(bind_virq(a, abi::virq_timer, 1, none) == to_abi(errc::exist));
    CHECK(bind_virq(a, abi::virq_timer, 2, none) == to_abi(errc::noent));
    CHECK(bind_virq(a, abi::virq_timer, 0xffffffff, none) == to_abi(errc::noent));
    CHECK(bind_virq(a, abi::nr_virqs, 0, none) == to_abi(errc::inval));
    CHECK(bind_virq(a, abi::virq_dom_exc, 1, none) == to_abi(errc::inval));

    hv::notify_via_virq(*a.vcpus[1], abi::virq_timer);
    CHECK(take(a, 0).empty());
    CHECK(take(a, 1) == ports{t1});

    CHECK(bind_virq(control, abi::virq_dom_exc, 0, exc) == 0);
    auto const before = m.cpu.notifications();
    hv::notify_global_virq(*m.hv, abi::virq_dom_exc);
    CHECK(m.cpu.notifications() == before + 1);
    CHECK(take(control) == ports{exc});

    // A virtual interrupt of one vCPU stays where it is; a closed one may be bound again.
    abi::evtchn_bind_vcpu move{t0, 1};
    CHECK(call(*a.vcpus[0], evtchn_op::bind_vcpu, move) == to_abi(errc::inval));
    CHECK(on_port(a, evtchn_op::close, t0) == 0);
    hv::notify_via_virq(*a.vcpus[0], abi::virq_timer);
    CHECK(take(a, 0).empty());
    CHECK(bind_virq(a, abi::virq_timer, 0, t0) == 0);
    CHECK(status(a, t1).status == abi::evtchnstat_virq);
    CHECK(status(a, t1).u.virq == abi::virq_timer);
    CHECK(status(a, t1).vcpu == 1);
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_global_virq_can_be_moved_to_another_vcpu") {
    abi::evtchn_bind_virq op{abi::virq_argo, 0, 0};
    REQUIRE(call(*a.vcpus[0], evtchn_op::bind_virq, op) == 0);
    abi::evtchn_bind_vcpu move{op.port, 1};
    CHECK(call(*a.vcpus[0], evtchn_op::bind_vcpu, move) == 0);
    hv::notify_via_virq(*a.vcpus[0], abi::virq_argo);
    CHECK(take(a, 0).empty());
    CHECK(take(a, 1) == ports{op.port});
    CHECK(on_port(a, evtchn_op::close, op.port) == 0);
    CHECK(a.vcpus[0]->virq_port[abi::virq_argo] == 0);
}

TEST_CASE_METHOD(events_fixture, "event_channel.ipis_notify_the_vcpu_they_were_made_for") {
    abi::evtchn_bind_ipi op{1, 0};
    REQUIRE(call(*a.vcpus[0], evtchn_op::bind_ipi, op) == 0);
    CHECK(on_port(a, evtchn_op::send, op.port) == 0);
    CHECK(take(a, 0).empty());
    CHECK(take(a, 1) == ports{op.port});
    abi::evtchn_bind_vcpu move{op.port, 0};
    CHECK(call(*a.vcpus[0], evtchn_op::bind_vcpu, move) == to_abi(errc::inval));
    abi::evtchn_bind_ipi absent{7, 0};
    CHECK(call(*a.vcpus[0], evtchn_op::bind_ipi, absent) == to_abi(errc::noent));
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_bound_vcpu_gets_the_event") {
    auto const [pa, pb] = connect();
    abi::evtchn_bind_vcpu move{pb, 1};
    CHECK(call(*b.vcpus[0], evtchn_op::bind_vcpu, move) == 0);
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(take(b, 0).empty());
    CHECK(take(b, 1) == ports{pb});
    move.vcpu = 2;
    CHECK(call(*b.vcpus[0], evtchn_op::bind_vcpu, move) == to_abi(errc::noent));
    abi::evtchn_bind_vcpu closed{100, 0};
    CHECK(call(*b.vcpus[0], evtchn_op::bind_vcpu, closed) == to_abi(errc::inval));
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_masked_event_waits_for_unmask") {
    auto const [pa, pb] = connect();
    b.shared_info->evtchn_mask[0] |= std::uint64_t{1} << pb;
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK_FALSE(hv::event_pending(*b.vcpus[0]));
    CHECK(hv::port_is_pending(b, evtchn_port(pb)));
    CHECK(on_port(b, evtchn_op::unmask, pb) == 0);
    CHECK(hv::event_pending(*b.vcpus[0]));
    CHECK(take(b) == ports{pb});
    CHECK(on_port(b, evtchn_op::unmask, 5000) == to_abi(errc::inval));
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_second_event_makes_no_second_upcall") {
    abi::evtchn_alloc_unbound op{0, 1, 0};
    REQUIRE(call(*control.vcpus[0], evtchn_op::alloc_unbound, op) == 0);
    std::uint32_t pa = 0;
    REQUIRE(bind(a, 0, op.port, pa) == 0);
    auto const before = m.cpu.notifications();
    for (int i = 0; i < 5; ++i) {
        CHECK(on_port(a, evtchn_op::send, pa) == 0);
    }
    CHECK(m.cpu.notifications() == before + 1);
    CHECK(take(control) == ports{op.port});
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(m.cpu.notifications() == before + 2);
    take(control);
    static constexpr std::uint32_t polled = 1;
    m.hv->events_polled = &polled; // it looks anyway
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(m.cpu.notifications() == before + 2);
    CHECK(take(control) == ports{op.port});
}

TEST_CASE_METHOD(events_fixture, "event_channel.an_event_ends_a_block_and_a_matching_poll") {
    auto const [pa, pb] = connect();
    auto& v = *b.vcpus[0];
    auto& w = *b.vcpus[1];
    v.pause = hv::pause_blocked;
    w.pause = hv::pause_poll;
    w.poll_port = pb + 1;
    b.events.pollers[0] = 2;
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(v.pause == 0);
    CHECK(w.pause == hv::pause_poll);
    take(b);
    w.poll_port = pb;
    b.shared_info->evtchn_mask[0] |= std::uint64_t{1} << pb; // polled ports are masked
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    CHECK(w.pause == 0);
    CHECK(b.events.pollers[0] == 0);
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_guest_acts_for_nobody_else") {
    abi::evtchn_alloc_unbound op{2, 1, 0};
    CHECK(call(*a.vcpus[0], evtchn_op::alloc_unbound, op) == to_abi(errc::perm));
    CHECK(call(*control.vcpus[0], evtchn_op::alloc_unbound, op) == 0);
    CHECK(status(b, op.port).u.unbound.dom == 1);
    abi::evtchn_status st{};
    st.dom = 2;
    st.port = op.port;
    CHECK(call(*a.vcpus[0], evtchn_op::status, st) == to_abi(errc::perm));
    st.dom = 77;
    CHECK(call(*a.vcpus[0], evtchn_op::status, st) == to_abi(errc::srch));
    st.dom = 0x7ff0;
    st.port = 1 << 20;
    CHECK(call(*a.vcpus[0], evtchn_op::status, st) == to_abi(errc::inval));
    abi::evtchn_reset reset{2};
    CHECK(call(*a.vcpus[0], evtchn_op::reset, reset) == to_abi(errc::perm));
}

TEST_CASE_METHOD(events_fixture, "event_channel.the_domains_limit_and_the_layouts_hold") {
    a.events.max_port = 5;
    for (std::uint32_t i = 1; i <= 5; ++i) {
        CHECK(alloc_unbound(a, 0) == i);
    }
    abi::evtchn_alloc_unbound op{0x7ff0, 0, 0};
    CHECK(call(*a.vcpus[0], evtchn_op::alloc_unbound, op) == to_abi(errc::nospc));
    for (std::uint32_t i = 1; i < abi::evtchn_2l_nr_channels; ++i) {
        REQUIRE(hv::evtchn_alloc_unbound(b, domid(0)));
    }
    CHECK(call(*b.vcpus[0], evtchn_op::alloc_unbound, op) == to_abi(errc::nospc));
}

TEST_CASE_METHOD(events_fixture, "event_channel.running_out_of_memory_changes_nothing") {
    for (std::uint32_t i = 1; i < 128; ++i) {
        REQUIRE(hv::evtchn_alloc_unbound(a, domid(0))); // fills the first bucket
    }
    m.cpu.allocations_left = 0;
    abi::evtchn_alloc_unbound op{0x7ff0, 0, 0};
    CHECK(call(*a.vcpus[0], evtchn_op::alloc_unbound, op) == to_abi(errc::nomem));
    CHECK(a.events.active_ports == 127);
    m.cpu.allocations_left = 1;
    CHECK(call(*a.vcpus[0], evtchn_op::alloc_unbound, op) == 0);
    CHECK(op.port == 128);
}

TEST_CASE_METHOD(events_fixture, "event_channel.an_answer_that_cannot_be_written_closes_the_port") {
    auto const alloc = static_cast<std::uint64_t>(evtchn_op::alloc_unbound);
    auto& handler = hv::do_event_channel_op<fakes::platform>;
    auto const page = m.must(hv::allocate_domain_pages(a, 0));
    m.must(hv::p2m_add(a, gfn(100), page, 0, hv::p2m_rights::read_only));
    abi::evtchn_alloc_unbound const op{0x7ff0, 0, 0};
    std::memcpy(m.cpu.map(page), &op, sizeof op);
    CHECK(m.call_raw(handler, *a.vcpus[0], {alloc, 100 * page_size}) == to_abi(errc::fault));
    CHECK(a.events.active_ports == 0);
    CHECK(m.call_raw(handler, *a.vcpus[0], {alloc, 200 * page_size}) == to_abi(errc::fault));
    CHECK(m.call_raw(handler, *a.vcpus[0], {99, 0}) == to_abi(errc::nosys));
    CHECK(m.call_raw(handler, *a.vcpus[0], {2, 0}) == to_abi(errc::inval));
}

TEST_CASE_METHOD(events_fixture, "event_channel.reset_closes_everything") {
    auto const [pa, pb] = connect();
    for (int i = 0; i < 2000; ++i) {
        REQUIRE(hv::evtchn_alloc_unbound(b, domid(0)));
    }
    abi::evtchn_reset reset{2};
    b.pause_count = 0;
    CHECK(call(*control.vcpus[0], evtchn_op::reset, reset) == to_abi(errc::inval));
    b.pause_count = 1;
    CHECK(call(*control.vcpus[0], evtchn_op::reset, reset) == 0);
    CHECK(b.events.active_ports == 0);
    CHECK(status(a, pa).status == abi::evtchnstat_unbound);
    CHECK(alloc_unbound(b, 0) == 1);
    reset.dom = 0x7ff0;
    CHECK(call(*b.vcpus[0], evtchn_op::reset, reset) == 0);
    CHECK(b.events.active_ports == 0);
}

TEST_CASE_METHOD(events_fixture, "event_channel.a_dying_domain_lets_go_of_its_peers") {
    auto const [pa, pb] = connect();
    b.dying = hv::dying_state::dying;
    while (!hv::events_destroy(b)) {
    }
    CHECK(status(a, pa).status == abi::evtchnstat_unbound);
    CHECK(on_port(a, evtchn_op::send, pa) == 0);
    std::uint32_t local = 0;
    CHECK(bind(b, 1, pa, local) == to_abi(errc::inval));
    auto const before = m.hv->frames.free_pages();
    hv::events_free(b);
    CHECK(m.hv->frames.free_pages() == before + 2);
}

// --- random operations of three domains against a model --------------------------------------

namespace {

struct model_port {
    enum {
        unbound,
        connected,
        ipi
    } what = unbound;

    unsigned far_domain = 0;
    std::uint32_t far_port = 0;
};

/// What ports exist and which are pending, in the plainest words.
struct model {
    std::array<std::map<std::uint32_t, model_port>, 3> ports;
    std::array<std::set<std::uint32_t>, 3> pending;

    std::uint32_t lowest_free(unsigned d) const {
        std::uint32_t n = 1;
        while (ports[d].count(n) != 0) {
            ++n;
        }
        return n;
    }

    void close(unsigned d, std::uint32_t port) {
        auto const it = ports[d].find(port);
        if (it->second.what == model_port::connected) {
            auto& far = ports[it->second.far_domain].at(it->second.far_port);
            far = {model_port::unbound, d, 0};
        }
        ports[d].erase(port);
        pending[d].erase(port);
    }
};

} // namespace

TEST_CASE_METHOD(events_fixture, "event_channel.random_operations_agree_with_a_model") {
    domain* const doms[3] = {&control, &a, &b};
    model want;
    std::mt19937 engine(20261122);
    auto const random = [&] { return static_cast<std::uint32_t>(engine()); };
    for (int step = 0; step < 20000; ++step) {
        unsigned const d = random() % 3;
        unsigned const e = random() % 3;
        std::uint32_t const port = 1 + random() % 12;
        auto const mine = want.ports[d].find(port);
        bool const open = mine != want.ports[d].end();
        switch (random() % 6) {
        case 0:
            if (want.ports[d].size() < 12) {
                REQUIRE(alloc_unbound(*doms[d], doms[e]->id.raw()) == want.lowest_free(d));
                want.ports[d][want.lowest_free(d)] = {model_port::unbound, e, 0};
            }
            break;
        case 1: { // d binds a port of e
            auto const far = want.ports[e].find(port);
            std::uint32_t const lowest = want.lowest_free(d);
            bool const may = far != want.ports[e].end() &&
                             far->second.what == model_port::unbound && far->second.far_domain == d;
            std::uint32_t local = 0;
            long const r = bind(*doms[d], doms[e]->id.raw(), port, local);
            REQUIRE(r == (may ? 0 : to_abi(errc::inval)));
            if (may) {
                REQUIRE(local == lowest);
                far->second = {model_port::connected, d, local};
                want.ports[d][local] = {model_port::connected, e, port};
                want.pending[d].insert(local);
            }
            break;
        }
        case 2: {
            REQUIRE(on_port(*doms[d], evtchn_op::close, port) == (open ? 0 : to_abi(errc::inval)));
            if (open) {
                want.close(d, port);
            }
            break;
        }
        case 3: {
            REQUIRE(on_port(*doms[d], evtchn_op::send, port) == (open ? 0 : to_abi(errc::inval)));
            if (open && mine->second.what == model_port::connected) {
                want.pending[mine->second.far_domain].insert(mine->second.far_port);
            } else if (open && mine->second.what == model_port::ipi) {
                want.pending[d].insert(port);
            }
            break;
        }
        case 4:
            if (want.ports[d].size() < 12) {
                abi::evtchn_bind_ipi op{0, 0};
                REQUIRE(call(*doms[d]->vcpus[0], evtchn_op::bind_ipi, op) == 0);
                REQUIRE(op.port == want.lowest_free(d));
                want.ports[d][op.port] = {model_port::ipi, d, 0};
            }
            break;
        default: REQUIRE(take(*doms[d]) == want.pending[d]); want.pending[d].clear();
        }
        REQUIRE(doms[d]->events.active_ports == want.ports[d].size());
    }
}
