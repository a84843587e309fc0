// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the traffic of two sockets and a guest's ring: limits hold, counts are right,
// the journal replays.
#include <xenpp/store/ring_connection.hpp>
#include <xenpp/store/server.hpp>

#include <fakes/must.hpp>

#include <cstdint>
#include <map>
#include <string_view>

using namespace xenpp;
using namespace xenpp::store;
using fakes::must;

namespace {

constexpr domid guest{5};
constexpr quotas limits{.nodes = 12,
                        .watches = 4,
                        .transactions = 3,
                        .transaction_nodes = 16,
                        .transaction_memory = 4000,
                        .node_size = 200};

/// What its transactions may hold: one request takes them beyond the quota, three paths that it
/// looked at and two changes.
constexpr std::size_t most_held = limits.transaction_memory + std::size_t{5} * 1024;

void count_owners(node const& n, std::map<std::uint16_t, std::size_t>& out) {
    ++out[n.perms.front().domain.raw()];
    for (std::size_t i = 1; i < n.children.size(); ++i) {
        must(n.children[i - 1].name < n.children[i].name);
    }
    for (auto const& c : n.children) {
        count_owners(*c.target, out);
    }
}

/// The store, an unprivileged client, a control-domain client, and a guest's ring.
struct arena {
    arena() : s(limits) {
        s.record_changes();
        tools = s.connect(dom0, true);
        peer = s.connect(domid(6), false);
        s.handle(tools, {op::mkdir, 1, 0, std::string("/local/domain/5\0", 16)});
        s.handle(tools, {op::set_perms, 1, 0, std::string("/local/domain/5\0b5\0", 19)});
        s.introduce(guest, gfn(1), evtchn_port(1));
        ring.emplace(s, *s.ring_connection(guest), page);
        mirror();
    }

    void mirror() { must(copy.restore(s.take_changes())); }

    void drain(connection_id c) {
        auto bytes = s.output(c);
        s.consume_output(c, bytes.size());
    }

    server s;
    server copy;
    connection_id tools;
    connection_id peer;
    abi::xenstore_domain_interface page{};
    std::optional<ring_connection> ring;
};

/// A request whose type and payload the input chooses; payloads are short, so that they meet.
message take_request(std::string_view& in) {
    message m;
    m.type = static_cast<op>(static_cast<unsigned char>(in[0]) % 24);
    m.req_id = 1;
    m.tx_id = static_cast<unsigned char>(in[1]) % 8;
    auto const length = std::min<std::size_t>(static_cast<unsigned char>(in[2]), in.size() - 3);
    m.payload = in.substr(3, length);
    in.remove_prefix(3 + length);
    return m;
}

void check(arena& a, std::size_t guest_nodes_before, bool is_unprivileged) {
    std::map<std::uint16_t, std::size_t> counted;
    count_owners(a.s.nodes().root(), counted);
    must(counted == a.s.nodes().owners());
    auto const now = a.s.nodes().owned(guest);
    must(!is_unprivileged || now <= guest_nodes_before || now <= limits.nodes);
    if (auto const c = a.s.ring_connection(guest)) {
        must(a.s.watches().count(*c) <= limits.watches);
        must(a.s.open_transactions(*c) <= limits.transactions);
        must(a.s.transaction_memory(*c) <= most_held);
    }
    must(a.s.transaction_memory(a.peer) <= most_held);
    must(a.s.watches().count(a.peer) <= limits.watches);
    must(a.s.open_transactions(a.peer) <= limits.transactions);
    a.mirror();
    must(a.copy.nodes().owners() == counted);
}

/// The guest writes to its page what it likes.
void scribble(arena& a, std::string_view& in) {
    auto const how = static_cast<unsigned char>(in[0]);
    auto const length = std::min<std::size_t>(static_cast<unsigned char>(in[1]), in.size() - 2);
    auto const bytes = in.substr(2, length);
    in.remove_prefix(2 + length);
    if (how == 255 && bytes.size() >= 2) {
        auto* const raw = reinterpret_cast<char*>(&a.page);
        raw[(static_cast<unsigned char>(bytes[0]) * 256U + static_cast<unsigned char>(bytes[1])) %
            sizeof a.page] = bytes.back();
    } else if (how % 2 == 0) {
        for (char c : bytes) {
            a.page.req[a.page.req_prod++ % 1024] = c;
        }
    } else if (bytes.size() >= 3) {
        auto rest = bytes;
        for (char c : encode(take_request(rest))) {
            a.page.req[a.page.req_prod++ % 1024] = c;
        }
    }
    if (how % 4 < 2) {
        a.page.rsp_cons = a.page.rsp_prod;
    }
    a.ring->receive();
    a.mirror();
    a.ring->publish();
    a.ring->send();
}

void step(arena& a, std::string_view& in) {
    auto const who = static_cast<unsigned char>(in[0]) % 8;
    in.remove_prefix(1);
    auto const before = a.s.nodes().owned(guest);
    bool const had_ring = a.s.ring_connection(guest).has_value();
    switch (who) {
    case 0:
    case 1:
        a.s.handle(a.tools, take_request(in));
        a.drain(a.tools);
        break;
    case 2:
    case 3:
        a.s.handle(a.peer, take_request(in));
        a.drain(a.peer);
        break;
    case 4: a.s.domain_shutdown(guest); break;
    case 5:
        if (in[0] == 'x') {
            a.s.domain_gone(guest);
        }
        break;
    default: scribble(a, in); break;
    }
    check(a, before, who >= 2);
    auto const c = a.s.ring_connection(guest);
    if (!c || !had_ring || !a.s.position(*c)) {
        // Gone, or introduced afresh by the tools: a new page.
        a.s.introduce(guest, gfn(1), evtchn_port(1));
        a.page = {};
        a.ring.emplace(a.s, *a.s.ring_connection(guest), a.page);
        a.mirror();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view in(reinterpret_cast<char const*>(data), size);
    arena a;
    for (int steps = 0; in.size() >= 5 && steps < 400; ++steps) {
        step(a, in);
    }
    // Once the journal knows how much was sent, the replay and the run are the same to the byte.
    if (auto const c = a.s.ring_connection(guest); c && a.s.position(*c)) {
        a.s.set_position(*c, *a.s.position(*c));
        a.mirror();
    }
    must(a.copy.snapshot() == a.s.snapshot());
    server again;
    must(again.restore(a.s.snapshot()));
    must(again.snapshot() == a.s.snapshot());
    // Whatever bytes a journal holds, reading them does not crash.
    static_cast<void>(server().restore(in));
    static_cast<void>(
        server().restore(std::string_view(reinterpret_cast<char const*>(data), size)));
    return 0;
}
