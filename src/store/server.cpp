// SPDX-License-Identifier: Apache-2.0
// Connections, events and commits of the server core.
#include <xenpp/store/server.hpp>

#include <store/request.hpp>

#include <algorithm>

namespace xenpp::store {

namespace {

// A transaction id is an epoch and a number, so that one from before a restart is recognised.
constexpr unsigned epoch_shift = 20;
constexpr std::uint32_t epoch_mask = 0xfff;
constexpr std::uint32_t number_mask = (std::uint32_t{1} << epoch_shift) - 1;

} // namespace

server::server(quotas limits, domain_hooks* hooks) : limits_(limits), hooks_(hooks) {
    for (auto const* name : {"@introduceDomain", "@releaseDomain"}) {
        specials_.emplace(name, perm_list{perm{dom0, access::none}});
    }
}

server::connection* server::find(connection_id c) noexcept {
    auto const at = connections_.find(c);
    return at == connections_.end() ? nullptr : &at->second;
}

server::connection const* server::find(connection_id c) const noexcept {
    auto const at = connections_.find(c);
    return at == connections_.end() ? nullptr : &at->second;
}

server::connection& server::add_connection(domid self, bool is_privileged, bool is_ring) {
    auto const id = connection_id(next_connection_++);
    auto& c = connections_[id];
    c.id = id;
    c.who = subject{self, std::nullopt, is_privileged || self == dom0};
    c.is_ring = is_ring;
    return c;
}

connection_id server::connect(domid self, bool is_privileged) {
    return add_connection(self, is_privileged, false).id;
}

connection_id server::connect_inside(domid self, bool is_privileged) {
    return insiders_.emplace_back(connect(self, is_privileged));
}

void server::disconnect(connection_id c) {
    std::erase(insiders_, c);
    watches_.remove_all(c);
    connections_.erase(c);
}

bool server::is_open(connection_id c) const noexcept {
    auto const* found = find(c);
    return found != nullptr && !found->is_broken;
}

void server::handle(connection_id c, message const& m) {
    auto* const found = find(c);
    if (found == nullptr || found->is_broken) {
        return;
    }
    request(*this, *found, m).run();
    settle();
}

void server::settle() {
    for (auto const c : std::exchange(overflowed_, {})) {
        give_up(c);
    }
}

std::string_view server::output(connection_id c) const noexcept {
    auto const* found = find(c);
    return found == nullptr ? std::string_view{} : found->out.waiting();
}

void server::consume_output(connection_id c, std::size_t n) {
    auto* const found = find(c);
    if (found == nullptr) {
        return;
    }
    found->out.pop(n);
    if (found->position) {
        found->position->rsp_prod += static_cast<std::uint32_t>(n);
    }
}

void server::set_unread(connection_id c, std::size_t bytes) {
    if (auto* const found = find(c)) {
        found->unread = bytes;
    }
}

bool server::is_congested() const noexcept {
    return std::ranges::any_of(insiders_, [this](connection_id id) {
        auto const* const c = find(id);
        return c != nullptr && c->who.is_privileged && !c->is_broken &&
               c->out.size() + c->unread > output_queue::congested_above;
    });
}

std::size_t server::open_transactions(connection_id c) const noexcept {
    auto const* found = find(c);
    return found == nullptr ? 0 : found->transactions.size();
}

std::size_t server::transaction_memory(connection_id c) const noexcept {
    std::size_t total = 0;
    if (auto const* found = find(c)) {
        for (auto const& [id, t] : found->transactions) {
            total += t.held();
        }
    }
    return total;
}

// ---- events ----

void server::send(connection& c, message const& m) {
    queue(c, encode(m), false);
}

void server::queue(connection& c, std::string_view bytes, bool is_event) {
    if (c.is_broken) {
        return;
    }
    if (is_event && c.out.size() > output_queue::coalesce_above && c.out.holds_event(bytes)) {
        return;
    }
    if (c.out.size() > output_queue::give_up_above) {
        // Watches are being walked, perhaps; the client goes when that is done.
        overflowed_.push_back(c.id);
        return;
    }
    if (is_event) {
        c.out.push_event(bytes);
    } else {
        c.out.push(bytes);
    }
    if (is_recording_ && c.is_ring) {
        change_writer(changes_).kind(change_kind::queue).u16(c.who.self.raw()).text(bytes);
    }
}

void server::send_event(connection& c, std::string_view path, watch const& w) {
    if (w.is_relative) {
        path.remove_prefix(domain_path(c.who.self).size() + 1);
    }
    message event{op::watch_event, 0, 0, {}};
    event.payload.append(path).append(1, '\0').append(w.token).append(1, '\0');
    queue(c, encode(event), true);
}

bool server::may_see(connection const& c, std::string_view path, node const& n) const {
    if (grants(rights_of(c.who, n.perms), access::read)) {
        return true;
    }
    // Who may list the parent learns of the node anyway.
    auto const* parent = tree_.find(parent_of(path));
    return parent != nullptr && grants(rights_of(c.who, parent->perms), access::read);
}

void server::fire(std::string_view path, node const& changed) {
    watches_.each_covering(path, [&](std::string_view, watch const& w) {
        if (auto* c = find(w.owner); c != nullptr && may_see(*c, path, changed)) {
            send_event(*c, path, w);
        }
    });
}

void server::fire_removed(std::string_view path, node const& gone) {
    // Those who watch a node that went with its ancestor hear of it by its own name.
    watches_.each_below(path, [&](std::string_view watched, watch const& w) {
        node const* at = &gone;
        for (path_walker walk(watched.substr(path.size())); at != nullptr && !walk.at_end();) {
            at = at->find(walk.next());
        }
        auto* const c = find(w.owner);
        if (at != nullptr && c != nullptr && may_see(*c, watched, *at)) {
            send_event(*c, watched, w);
        }
    });
    fire(path, gone);
}

void server::fire_special(std::string_view name) {
    auto const& perms = specials_.find(name)->second;
    watches_.each_at(name, [&](std::string_view, watch const& w) {
        if (auto* c = find(w.owner);
            c != nullptr && grants(rights_of(c->who, perms), access::read)) {
            send_event(*c, name, w);
        }
    });
}

// ---- changes of the tree ----

void server::change(mutation const& m) {
    auto const gone = apply(tree_, m, ++generation_);
    if (is_recording_) {
        write_mutation(changes_, m, generation_);
    }
    if (gone) {
        fire_removed(m.path, *gone);
    }
}

bool server::fits_quota(connection const& c, transaction const& t, tree const& after) const {
    if (c.who.is_privileged) {
        return true;
    }
    auto const owned = after.owned(c.who.self);
    if (owned > limits_.nodes && owned > tree_.owned(c.who.self)) {
        return false;
    }
    for (auto const& m : t.changes()) {
        // Others may have given children to the node that was there before.
        auto const* parent = after.find(tree_.locate(m.path).path);
        if (m.what == mutation::kind::create && parent != nullptr &&
            parent->size() > limits_.node_size) {
            return false;
        }
    }
    return true;
}

errc server::commit(connection const& c, transaction const& t) {
    if (t.conflicts_with(tree_)) {
        return errc::again;
    }
    tree const before = tree_;
    tree after = tree_;
    auto generation = generation_;
    for (auto const& m : t.changes()) {
        apply(after, m, ++generation);
    }
    if (!fits_quota(c, t, after)) {
        return errc::nospc;
    }
    if (is_recording_) {
        for (auto const& m : t.changes()) {
            write_mutation(changes_, m, ++generation_);
        }
    }
    generation_ = generation;
    tree_ = std::move(after);
    // Each path is announced once, by what came of it in the end.
    std::map<std::string_view, bool> announced;
    for (auto const& m : t.changes()) {
        if (!announced.emplace(m.path, true).second) {
            continue;
        }
        auto const* const was = before.find(m.path);
        if (auto const* const is = tree_.find(m.path)) {
            fire(m.path, *is);
        } else if (was != nullptr) {
            fire_removed(m.path, *was);
        }
    }
    return errc::ok;
}

// ---- transactions and watches ----

std::uint32_t server::new_transaction_id(connection const& c) noexcept {
    std::uint32_t id = 0;
    do {
        last_transaction_ = (last_transaction_ + 1) & number_mask;
        id = ((epoch_ & epoch_mask) << epoch_shift) | last_transaction_;
    } while (id == 0 || c.transactions.contains(id));
    return id;
}

bool server::is_of_earlier_epoch(std::uint32_t tx_id) const noexcept {
    return epoch_ != 0 && (tx_id >> epoch_shift) != (epoch_ & epoch_mask);
}

bool server::add_watch(connection& c, std::string_view path, watch w) {
    auto const token = w.token;
    auto const is_relative = w.is_relative;
    if (!watches_.add(path, std::move(w))) {
        return false;
    }
    if (is_recording_ && c.is_ring) {
        change_writer(changes_)
            .kind(change_kind::watch)
            .u16(c.who.self.raw())
            .text(path)
            .text(token)
            .u8(is_relative ? 1 : 0);
    }
    return true;
}

bool server::remove_watch(connection& c, std::string_view path, std::string_view token) {
    if (!watches_.remove(path, c.id, token)) {
        return false;
    }
    if (is_recording_ && c.is_ring) {
        change_writer(changes_)
            .kind(change_kind::unwatch)
            .u16(c.who.self.raw())
            .text(path)
            .text(token);
    }
    return true;
}

void server::remove_watches(connection& c) {
    watches_.remove_all(c.id);
    if (is_recording_ && c.is_ring) {
        change_writer(changes_).kind(change_kind::unwatch_all).u16(c.who.self.raw());
    }
}

} // namespace xenpp::store
