// SPDX-License-Identifier: Apache-2.0
// Domains of the server core: introduction, death, and what is recorded of both.
#include <xenpp/store/server.hpp>

#include <algorithm>

namespace xenpp::store {

std::vector<domain_info> server::domains() const {
    std::vector<domain_info> out;
    for (auto const& [d, entry] : domains_) {
        out.push_back(entry.info);
    }
    return out;
}

std::optional<connection_id> server::ring_connection(domid d) const noexcept {
    auto const at = domains_.find(d);
    return at == domains_.end() ? std::nullopt : std::optional(at->second.ring);
}

server::connection& server::enter_domain(domain_info const& info) {
    leave_domain(info.domain);
    auto& c = add_connection(info.domain, false, true);
    c.who.target = info.target;
    domains_[info.domain] = domain_entry{info, c.id};
    if (is_recording_) {
        change_writer(changes_)
            .kind(change_kind::domain)
            .u16(info.domain.raw())
            .u64(info.ring.raw())
            .u32(info.port.raw());
        record_state(info);
    }
    return c;
}

void server::record_state(domain_info const& info) {
    if (is_recording_) {
        change_writer(changes_)
            .kind(change_kind::domain_state)
            .u16(info.domain.raw())
            .u8(info.is_shutdown ? 1 : 0)
            .u8(info.target ? 1 : 0)
            .u16(info.target ? info.target->raw() : std::uint16_t{0});
    }
}

void server::leave_domain(domid d) {
    if (auto const at = domains_.find(d); at != domains_.end()) {
        disconnect(at->second.ring);
        domains_.erase(at);
    }
}

errc server::introduce(domid d, gfn ring, evtchn_port port) {
    domain_info info{d, ring, port, std::nullopt, false};
    auto const before = domains_.find(d);
    bool const is_new = before == domains_.end();
    if (!is_new) {
        info.target = before->second.info.target;
        info.is_shutdown = before->second.info.is_shutdown;
    }
    auto const changes_before = changes_.size();
    enter_domain(info);
    if (hooks_ != nullptr) {
        if (auto const e = hooks_->introduced(info); e != errc::ok) {
            if (is_new) {
                leave_domain(d);
                changes_.resize(changes_before);
            }
            return e;
        }
    }
    if (is_new) {
        fire_special("@introduceDomain");
    }
    settle();
    return errc::ok;
}

/// The walk sees every node of the store, so it allocates nothing for those that `d` has no part
/// in: `path` grows and shrinks in place.
void server::drop_rights(std::string& path, node const& n, domid d, std::vector<mutation>& out) {
    if (n.perms.front().domain == d && !path.empty()) {
        out.push_back(mutation{mutation::kind::remove, path, {}, {}});
        return;
    }
    auto const is_of_domain = [d](perm const& p) { return p.domain == d; };
    if (std::any_of(n.perms.begin() + 1, n.perms.end(), is_of_domain)) {
        auto kept = n.perms;
        kept.erase(std::remove_if(kept.begin() + 1, kept.end(), is_of_domain), kept.end());
        out.push_back(
            mutation{mutation::kind::set_perms, path.empty() ? "/" : path, {}, std::move(kept)});
    }
    auto const length = path.size();
    for (auto const& c : n.children) {
        path.append("/").append(c.name);
        drop_rights(path, *c.target, d, out);
        path.resize(length);
    }
}

void server::forget_domain(domid d) {
    std::vector<mutation> mutations;
    std::string path; // of the root: its children's begin with the slash
    drop_rights(path, tree_.root(), d, mutations);
    for (auto const& m : mutations) {
        change(m);
    }
    for (auto& [other, entry] : domains_) {
        if (entry.info.target == d) {
            entry.info.target.reset();
            find(entry.ring)->who.target.reset();
            record_state(entry.info);
        }
    }
}

void server::domain_gone(domid d) {
    bool const was_introduced = domains_.contains(d);
    if (was_introduced) {
        leave_domain(d);
        if (is_recording_) {
            change_writer(changes_).kind(change_kind::domain_gone).u16(d.raw());
        }
        if (hooks_ != nullptr) {
            hooks_->released(d);
        }
    }
    // A domain that reuses the number must not inherit what this one owned or was allowed.
    forget_domain(d);
    if (was_introduced) {
        fire_special("@releaseDomain");
    }
    settle();
}

void server::domain_shutdown(domid d) {
    auto const at = domains_.find(d);
    if (at == domains_.end() || at->second.info.is_shutdown) {
        return;
    }
    at->second.info.is_shutdown = true;
    record_state(at->second.info);
    fire_special("@releaseDomain");
    settle();
}

std::optional<ring_position> const& server::position(connection_id c) const noexcept {
    static constexpr std::optional<ring_position> none;
    auto const* found = find(c);
    return found == nullptr ? none : found->position;
}

void server::set_position(connection_id c, ring_position p) {
    auto* const found = find(c);
    if (found == nullptr || !found->is_ring) {
        return;
    }
    if (found->position) {
        p.rsp_prod = found->position->rsp_prod;
    }
    if (is_recording_) {
        change_writer(changes_)
            .kind(change_kind::ring)
            .u16(found->who.self.raw())
            .u32(p.req_cons)
            .u32(p.rsp_prod)
            .text(p.partial);
    }
    found->position = std::move(p);
}

void server::give_up(connection_id c) {
    auto* const found = find(c);
    if (found == nullptr || found->is_broken) {
        return;
    }
    found->is_broken = true;
    found->transactions.clear();
    remove_watches(*found);
    if (is_recording_ && found->is_ring) {
        change_writer(changes_).kind(change_kind::broken).u16(found->who.self.raw());
    }
}

} // namespace xenpp::store
