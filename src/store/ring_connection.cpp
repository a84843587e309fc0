// SPDX-License-Identifier: Apache-2.0
// Index arithmetic and copying of the ring page.
#include <xenpp/base/atomic.hpp>
#include <xenpp/store/ring_connection.hpp>

#include <algorithm>

namespace xenpp::store {

namespace {

constexpr std::uint32_t ring_size = abi::xenstore_ring_size;

constexpr std::uint32_t masked(std::uint32_t index) noexcept {
    return index & (ring_size - 1);
}

} // namespace

ring_connection::ring_connection(server& s, connection_id c, abi::xenstore_domain_interface& page)
    : server_(s), connection_(c), page_(page) {
    auto const rsp_prod = atomic_load(page_.rsp_prod);
    atomic_store(page_.server_features, abi::xenstore_server_feature_error);
    if (!server_.position(c)) {
        published_ = atomic_load(page_.req_cons);
        server_.set_position(c, ring_position{published_, rsp_prod, {}});
        return;
    }
    auto const& p = *server_.position(c);
    // What lies between the journal's index and the page's was sent before the process ended.
    auto const sent = rsp_prod - p.rsp_prod;
    if (sent > server_.output(c).size()) {
        give_up(abi::xenstore_error_ringidx);
        return;
    }
    server_.consume_output(c, sent);
    published_ = p.req_cons - 1; // whatever the page says, say it again
    publish();
}

void ring_connection::give_up(std::uint32_t reason) {
    atomic_store(page_.error, reason);
    server_.give_up(connection_);
}

bool ring_connection::receive() {
    if (!is_open()) {
        return false;
    }
    auto p = *server_.position(connection_);
    auto const available = atomic_load(page_.req_prod) - p.req_cons;
    if (available > ring_size) {
        give_up(abi::xenstore_error_ringidx);
        return true;
    }
    auto stream = p.partial;
    for (std::uint32_t i = 0; i < available; ++i) {
        stream += atomic_load(page_.req[masked(p.req_cons + i)], order::relaxed);
    }
    std::size_t done = 0;
    bool is_throttled = false;
    for (;;) {
        if (server_.output(connection_).size() >= output_limit || server_.is_congested()) {
            is_throttled = true;
            break;
        }
        std::size_t used = 0;
        auto const next = decode(std::string_view(stream).substr(done), used);
        if (!next) {
            give_up(abi::xenstore_error_proto);
            return true;
        }
        if (!*next) {
            break;
        }
        server_.handle(connection_, **next);
        done += used;
        if (!is_open()) {
            return true;
        }
    }
    if (!is_throttled) {
        // All leaves the ring, also a request's first part: Linux writes header and payload apart,
        // and sends no event for the second while the first still lies there.
        if (available == 0) {
            return false;
        }
        p.req_cons += available;
        p.partial = stream.substr(done);
    } else if (done != 0) {
        // A request that was taken in parts is whole by the first that is executed.
        p.req_cons += static_cast<std::uint32_t>(done - p.partial.size());
        p.partial.clear();
    } else {
        return false;
    }
    server_.set_position(connection_, std::move(p));
    return true;
}

bool ring_connection::publish() {
    auto const& p = server_.position(connection_);
    if (!p || p->req_cons == published_) {
        return false;
    }
    published_ = p->req_cons;
    atomic_store(page_.req_cons, published_);
    // The guest looks at this index after it wrote its own, to see whether to send an event; we
    // look at its own after this. One of us must see the other's.
    full_barrier();
    return true;
}

bool ring_connection::send() {
    bool has_sent = false;
    for (;;) {
        auto const waiting = server_.output(connection_);
        if (waiting.empty() || !is_open()) {
            return has_sent;
        }
        auto const start = server_.position(connection_)->rsp_prod;
        auto const used = start - atomic_load(page_.rsp_cons);
        if (used > ring_size) {
            give_up(abi::xenstore_error_ringidx);
            return true;
        }
        if (used == ring_size) {
            return has_sent; // the guest sends an event when it makes room in a full ring
        }
        auto const n =
            static_cast<std::uint32_t>(std::min(std::size_t{ring_size - used}, waiting.size()));
        for (std::uint32_t i = 0; i < n; ++i) {
            atomic_store(page_.rsp[masked(start + i)], waiting[i], order::relaxed);
        }
        atomic_store(page_.rsp_prod, start + n);
        server_.consume_output(connection_, n);
        has_sent = true;
        // It sends none if it read on before it could see that the ring had become full: look
        // again.
        full_barrier();
    }
}

} // namespace xenpp::store
