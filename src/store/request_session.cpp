// SPDX-License-Identifier: Apache-2.0
// Requests on the connection and on domains, and the choice among all requests.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/format.h>

#include <store/request.hpp>

namespace xenpp::store {

namespace {

std::string const acknowledged("OK\0", 3);

std::string terminated(std::string_view text) {
    return std::string(text) + '\0';
}

} // namespace

void request::run() {
    auto result = execute();
    if (result && result->size() > payload_max) {
        result = unexpected(errc::toobig);
    }
    message reply{in_.type, in_.req_id, in_.tx_id, {}};
    if (result) {
        reply.payload = std::move(*result);
    } else {
        reply.type = op::error;
        reply.payload = terminated(error_name(result.error()));
    }
    server_.send(from_, reply);
    if (result && in_.type == op::watch) {
        // A new watch fires once, after its own reply, so that its owner need not look first.
        auto const words = *split_strings(in_.payload);
        message event{op::watch_event, 0, 0, terminated(words[0]) + terminated(words[1])};
        server_.queue(from_, encode(event), true);
    }
}

request::answer request::execute() {
    if (in_.tx_id != 0 && in_.type != op::watch && in_.type != op::unwatch) {
        auto at = from_.transactions.find(in_.tx_id);
        if (at == from_.transactions.end() && from_.is_ring &&
            server_.is_of_earlier_epoch(in_.tx_id) &&
            from_.transactions.size() < server_.limits_.transactions) {
            // Begun before a restart: it may go on, but its end sends its owner back to the start.
            at = from_.transactions.emplace(in_.tx_id, transaction(server_.tree_, true)).first;
        }
        if (at == from_.transactions.end()) {
            return unexpected(errc::noent);
        }
        transaction_ = &at->second;
        if (auto const e = check_transaction(); e != errc::ok && in_.type != op::transaction_end) {
            return unexpected(e);
        }
    }
    switch (in_.type) {
    case op::directory: return directory();
    case op::directory_part: return directory_part();
    case op::read: return read();
    case op::write: return write();
    case op::mkdir: return mkdir();
    case op::rm: return remove();
    case op::get_perms: return get_perms();
    case op::set_perms: return set_perms();
    case op::watch: return watch_path();
    case op::unwatch: return unwatch();
    case op::reset_watches: return reset_watches();
    case op::transaction_start: return start_transaction();
    case op::transaction_end: return end_transaction();
    case op::introduce: return introduce();
    case op::release: return release();
    case op::get_domain_path: return get_domain_path();
    case op::is_domain_introduced: return is_domain_introduced();
    case op::resume: return resume();
    case op::set_target: return set_target();
    case op::control: return control();
    case op::watch_event:
    case op::error:
    case op::type_count:
    case op::invalid: break;
    }
    return unexpected(errc::nosys);
}

// ---- watches and transactions ----

request::answer request::watch_path() {
    // Any event of this watch fits a message: the longest path and the token do.
    constexpr std::size_t token_max = payload_max - abi::xenstore_abs_path_max - 2;
    auto const words = XENPP_TRY(strings(2, 2));
    if (words[1].size() > token_max) {
        return unexpected(errc::inval);
    }
    auto path = std::string(words[0]);
    bool const is_name = is_special(words[0]);
    if (!is_name) {
        path = XENPP_TRY(absolute(words[0]));
    }
    if (!from_.who.is_privileged && server_.watches_.count(from_.id) >= server_.limits_.watches) {
        return unexpected(errc::toobig);
    }
    watch w{from_.id, std::string(words[1]), !is_name && !words[0].starts_with('/')};
    if (!server_.add_watch(from_, path, std::move(w))) {
        return unexpected(errc::exist);
    }
    return acknowledged;
}

request::answer request::unwatch() {
    auto const words = XENPP_TRY(strings(2, 2));
    auto const path = is_special(words[0]) ? std::string(words[0]) : XENPP_TRY(absolute(words[0]));
    if (!server_.remove_watch(from_, path, words[1])) {
        return unexpected(errc::noent);
    }
    return acknowledged;
}

request::answer request::reset_watches() {
    server_.remove_watches(from_);
    from_.transactions.clear();
    return acknowledged;
}

request::answer request::start_transaction() {
    if (transaction_ != nullptr) {
        return unexpected(errc::busy);
    }
    if (!from_.who.is_privileged && from_.transactions.size() >= server_.limits_.transactions) {
        return unexpected(errc::nospc);
    }
    auto const id = server_.new_transaction_id(from_);
    from_.transactions.emplace(id, transaction(server_.tree_));
    return terminated(std::to_string(id));
}

request::answer request::end_transaction() {
    auto const words = XENPP_TRY(strings(1, 1));
    if (words[0] != "T" && words[0] != "F") {
        return unexpected(errc::inval);
    }
    if (transaction_ == nullptr) {
        return unexpected(errc::noent);
    }
    auto ended = from_.transactions.extract(in_.tx_id);
    transaction_ = nullptr;
    if (words[0] == "T") {
        if (auto const e = server_.commit(from_, ended.mapped()); e != errc::ok) {
            return unexpected(e);
        }
    }
    return acknowledged;
}

// ---- domains ----

expected<domid, errc> request::one_domain() const {
    auto const words = XENPP_TRY(strings(1, 1));
    auto const d = parse_domid(words[0]);
    if (!d) {
        return unexpected(errc::inval);
    }
    return *d;
}

errc request::require_privilege() const {
    return from_.who.is_privileged ? errc::ok : errc::acces;
}

request::answer request::introduce() {
    if (auto const e = require_privilege(); e != errc::ok) {
        return unexpected(e);
    }
    // The toolstack may add words that nothing is known of.
    auto const words = XENPP_TRY(strings(3, payload_max));
    auto const d = parse_domid(words[0]);
    auto const ring = parse_number<std::uint64_t>(words[1]);
    auto const port = parse_number<std::uint64_t>(words[2]);
    bool const is_own = d && from_.is_ring && *d == from_.who.self;
    if (!d || is_own || !ring || !port || *port == 0 || *port > UINT32_MAX) {
        return unexpected(errc::inval);
    }
    auto const e =
        server_.introduce(*d, gfn(*ring), evtchn_port(static_cast<std::uint32_t>(*port)));
    if (e != errc::ok) {
        return unexpected(e);
    }
    return acknowledged;
}

request::answer request::release() {
    if (auto const e = require_privilege(); e != errc::ok) {
        return unexpected(e);
    }
    auto const d = XENPP_TRY(one_domain());
    if (d == dom0) {
        return unexpected(errc::inval);
    }
    if (!server_.domains_.contains(d)) {
        return unexpected(errc::noent);
    }
    server_.domain_gone(d);
    return acknowledged;
}

request::answer request::get_domain_path() {
    return terminated(domain_path(XENPP_TRY(one_domain())));
}

request::answer request::is_domain_introduced() {
    auto const d = XENPP_TRY(one_domain());
    return terminated(d == dom0 || server_.domains_.contains(d) ? "T" : "F");
}

request::answer request::resume() {
    if (auto const e = require_privilege(); e != errc::ok) {
        return unexpected(e);
    }
    auto const at = server_.domains_.find(XENPP_TRY(one_domain()));
    if (at == server_.domains_.end()) {
        return unexpected(errc::noent);
    }
    at->second.info.is_shutdown = false;
    server_.record_state(at->second.info);
    return acknowledged;
}

request::answer request::set_target() {
    if (auto const e = require_privilege(); e != errc::ok) {
        return unexpected(e);
    }
    auto const words = XENPP_TRY(strings(2, 2));
    auto const d = parse_domid(words[0]);
    auto const target = parse_domid(words[1]);
    if (!d || !target) {
        return unexpected(errc::inval);
    }
    auto const at = server_.domains_.find(*d);
    if (at == server_.domains_.end() || !server_.domains_.contains(*target)) {
        return unexpected(errc::noent);
    }
    at->second.info.target = *target;
    server_.find(at->second.ring)->who.target = *target;
    server_.record_state(at->second.info);
    return acknowledged;
}

// ---- control ----

request::answer request::quota_report(std::vector<std::string_view> const& words) const {
    auto const& q = server_.limits_;
    if (words.size() == 1) {
        return terminated(fmt::format("Quota settings:\n"
                                      "nodes            : {:8} Nodes per domain\n"
                                      "watches          : {:8} Watches per domain\n"
                                      "transactions     : {:8} Transactions per domain\n"
                                      "transaction-nodes: {:8} Nodes accessed per transaction\n"
                                      "memory           : {:8} Bytes in transactions per domain\n"
                                      "node-size        : {:8} Bytes per node\n"
                                      "permissions      : {:8} Permissions per node\n",
                                      q.nodes, q.watches, q.transactions, q.transaction_nodes,
                                      q.transaction_memory, q.node_size, q.permissions));
    }
    auto const d = parse_domid(words[1]);
    auto const ring = d ? server_.ring_connection(*d) : std::nullopt;
    if (!ring) {
        return unexpected(d ? errc::noent : errc::inval);
    }
    return terminated(fmt::format("Domain {}:\n"
                                  "nodes            : {:8}\n"
                                  "watches          : {:8}\n"
                                  "transactions     : {:8}\n"
                                  "memory           : {:8}\n",
                                  d->raw(), server_.tree_.owned(*d), server_.watches_.count(*ring),
                                  server_.open_transactions(*ring),
                                  server_.transaction_memory(*ring)));
}

request::answer request::control() {
    if (auto const e = require_privilege(); e != errc::ok) {
        return unexpected(e);
    }
    auto const words = XENPP_TRY(strings(1, 2));
    if (words[0] == "help" && words.size() == 1) {
        return terminated("help\t\nquota\t[<domid>]\n");
    }
    if (words[0] == "quota") {
        return quota_report(words);
    }
    return unexpected(errc::inval);
}

} // namespace xenpp::store
