// SPDX-License-Identifier: Apache-2.0
// A hostile xenstore frontend: its page changes between any two looks of the server, which is also
// killed and started again. Quotas hold, others' nodes stay theirs, and the server goes on.
#include <xenpp/store/ring_connection.hpp>
#include <xenpp/store/server.hpp>

#include <fakes/byte_source.hpp>
#include <fakes/changing_memory.hpp>
#include <fakes/must.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

using namespace xenpp;
using namespace xenpp::store;
using fakes::must;

namespace {

constexpr domid guest{5};
constexpr quotas limits{.nodes = 12,
                        .watches = 4,
                        .transactions = 3,
                        .transaction_nodes = 16,
                        .transaction_memory = 1000,
                        .node_size = 200};
constexpr std::size_t page_used = sizeof(abi::xenstore_domain_interface);
constexpr std::size_t most_watched = 200; // accesses in each turn
constexpr std::uint32_t ring_size = abi::xenstore_ring_size;

fakes::changing_memory& memory() {
    static fakes::changing_memory m(1);
    return m;
}

abi::xenstore_domain_interface& theirs() {
    return *reinterpret_cast<abi::xenstore_domain_interface*>(memory().theirs().data());
}

abi::xenstore_domain_interface& ours() {
    return *reinterpret_cast<abi::xenstore_domain_interface*>(memory().ours().data());
}

/// A request that may well make sense, on the ring.
void put_request(fakes::byte_source& in) {
    static constexpr char const* paths[] = {"data",  "data/a",         "/local/domain/5/x",
                                            "/tool", "@releaseDomain", ""};
    message m;
    m.type = static_cast<op>(in.below(24));
    m.req_id = in.take<std::uint8_t>();
    m.tx_id = in.below(5);
    std::string payload = paths[in.below(6)];
    payload += '\0';
    payload.append(in.below(40), 'v');
    m.payload = payload;
    auto& page = theirs();
    for (char const c : encode(m)) {
        page.req[page.req_prod++ % ring_size] = c;
    }
}

/// The guest writes somewhere in its page: an index near where it may be, or anything.
void scribble(fakes::byte_source& in) {
    auto& page = theirs();
    switch (in.below(6)) {
    case 0: page.req_prod += in.below(32); break;
    case 1: page.req_prod -= in.below(32); break;
    case 2: page.rsp_cons = page.rsp_prod - in.below(3); break;
    case 3: page.rsp_cons = page.rsp_prod; break;
    case 4: in.fill(memory().theirs().data() + 2 * ring_size + in.below(25), 4); break;
    default: in.fill(memory().theirs().data() + in.take<std::uint16_t>() % (page_used - 4), 4);
    }
}

struct arena {
    arena() : s(std::make_unique<server>(limits)) {
        tools = s->connect(dom0, true);
        call(op::mkdir, std::string("/local/domain/5\0", 16));
        call(op::set_perms, std::string("/local/domain/5\0b5\0", 19));
        call(op::write, std::string("/tool/secret\0s", 14));
        s->introduce(guest, gfn(1), evtchn_port(1));
        open();
    }

    /// The answer's bytes.
    std::string call(op type, std::string payload) {
        s->consume_output(tools, s->output(tools).size());
        message m;
        m.type = type;
        m.req_id = 1;
        m.payload = std::move(payload);
        s->handle(tools, m);
        return std::string(s->output(tools));
    }

    void open() { ring.emplace(*s, *s->ring_connection(guest), ours()); }

    /// The server's process ends and another goes on with what the journal has.
    void start_again() {
        auto const kept = s->snapshot();
        ring.reset();
        s = std::make_unique<server>(limits);
        must(s->restore(kept));
        s->begin_epoch(); // its open transactions are doomed
        tools = s->connect(dom0, true);
        open();
    }

    void check() const {
        must(s->nodes().owned(guest) <= limits.nodes);
        auto const c = *s->ring_connection(guest);
        must(s->watches().count(c) <= limits.watches);
        must(s->open_transactions(c) <= limits.transactions);
        // One request takes them beyond: three paths that it looked at and two changes.
        must(s->transaction_memory(c) <= limits.transaction_memory + 5 * ring_size);
        must(s->output(c).size() <= 4 * ring_connection::output_limit);
    }

    std::unique_ptr<server> s;
    connection_id tools;
    std::optional<ring_connection> ring;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    fakes::byte_source in({data, size});
    auto& m = memory();
    m.change = nullptr;
    std::memset(m.theirs().data(), 0, m.theirs().size());
    arena a;
    m.change = [&in] {
        if (!in.is_empty() && in.one_in(64)) {
            scribble(in);
        }
    };
    for (int turn = 0; turn < 64 && !in.is_empty(); ++turn) {
        m.watch_next(most_watched);
        switch (in.below(8)) {
        case 0: a.start_again(); break;
        case 1: scribble(in); break;
        case 2:
        case 3:
        case 4: put_request(in); break;
        default: static_cast<void>(pump(*a.ring, [] { return result<void>(); }));
        }
        a.check();
    }
    m.change = nullptr;
    must(std::ranges::all_of(m.theirs().subspan(page_used),
                             [](std::byte v) { return v == std::byte{}; }));
    // Nothing of this was the guest's to change.
    must(a.call(op::read, std::string("/tool/secret\0", 13)).ends_with("s"));
    return 0;
}
