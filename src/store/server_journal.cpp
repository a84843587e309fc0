// SPDX-License-Identifier: Apache-2.0
// The server's state as changes, and back.
#include <xenpp/store/server.hpp>

namespace xenpp::store {

namespace {

void write_nodes(std::string& out, std::string const& path, node const& n) {
    change_writer(out)
        .kind(change_kind::node)
        .text(path)
        .text(n.value)
        .perms(n.perms)
        .u64(n.value_generation)
        .u64(n.perms_generation)
        .u64(n.children_generation);
    auto const base = path == "/" ? std::string() : path;
    for (auto const& c : n.children) {
        write_nodes(out, base + "/" + c.name, *c.target);
    }
}

} // namespace

std::string server::take_changes() {
    return std::exchange(changes_, {});
}

std::string server::snapshot() const {
    std::string out;
    change_writer w(out);
    w.kind(change_kind::epoch).u32(epoch_);
    w.kind(change_kind::generation).u64(generation_);
    write_nodes(out, "/", tree_.root());
    for (auto const& [name, perms] : specials_) {
        w.kind(change_kind::special).text(name).perms(perms);
    }
    for (auto const& [d, entry] : domains_) {
        auto const& info = entry.info;
        w.kind(change_kind::domain).u16(d.raw()).u64(info.ring.raw()).u32(info.port.raw());
        w.kind(change_kind::domain_state)
            .u16(d.raw())
            .u8(info.is_shutdown ? 1 : 0)
            .u8(info.target ? 1 : 0)
            .u16(info.target ? info.target->raw() : std::uint16_t{0});
        auto const& c = *find(entry.ring);
        if (c.position) {
            auto const& p = *c.position;
            w.kind(change_kind::ring).u16(d.raw()).u32(p.req_cons).u32(p.rsp_prod).text(p.partial);
        }
        if (c.out.size() != 0) {
            w.kind(change_kind::queue).u16(d.raw()).text(c.out.waiting());
        }
        if (c.is_broken) {
            w.kind(change_kind::broken).u16(d.raw());
        }
    }
    watches_.each([&](std::string_view path, xenpp::store::watch const& entry) {
        auto const& c = *find(entry.owner);
        if (c.is_ring) {
            w.kind(change_kind::watch)
                .u16(c.who.self.raw())
                .text(path)
                .text(entry.token)
                .u8(entry.is_relative ? 1 : 0);
        }
    });
    return out;
}

bool server::restore_tree(change_kind kind, change_reader& r) {
    std::string const path(r.text());
    if (kind == change_kind::special) {
        auto perms = r.perms();
        auto const at = specials_.find(path);
        if (!r.is_good() || at == specials_.end()) {
            return false;
        }
        at->second = std::move(perms);
        return true;
    }
    node saved;
    mutation m{mutation::kind::remove, path, {}, {}};
    if (kind == change_kind::create || kind == change_kind::set_perms) {
        m.what = kind == change_kind::create ? mutation::kind::create : mutation::kind::set_perms;
        m.perms = r.perms();
    } else if (kind == change_kind::set_value) {
        m.what = mutation::kind::set_value;
        m.value = r.text();
    } else if (kind == change_kind::node) {
        saved.value = node_value(r.text());
        saved.perms = r.perms();
        saved.value_generation = r.u64();
        saved.perms_generation = r.u64();
    }
    auto const generation = r.u64();
    if (!r.is_good() || !is_valid_path(path)) {
        return false;
    }
    if (kind == change_kind::node) {
        if (tree_.find(parent_of(path)) == nullptr) {
            return false;
        }
        saved.children_generation = generation;
        tree_.restore(path, std::move(saved));
        return true;
    }
    bool const is_there = tree_.find(path) != nullptr;
    if (is_there == (kind == change_kind::create) || (kind == change_kind::remove && path == "/")) {
        return false;
    }
    apply(tree_, m, generation);
    generation_ = generation;
    return true;
}

bool server::restore_domain(change_kind kind, change_reader& r) {
    auto const d = domid(r.u16());
    if (kind == change_kind::domain) {
        auto const ring = gfn(r.u64());
        auto const port = evtchn_port(r.u32());
        if (r.is_good()) {
            enter_domain(domain_info{d, ring, port, std::nullopt, false});
        }
        return r.is_good();
    }
    auto const at = domains_.find(d);
    if (at == domains_.end()) {
        return false;
    }
    if (kind == change_kind::domain_gone) {
        leave_domain(d);
        return true;
    }
    auto& info = at->second.info;
    info.is_shutdown = r.u8() != 0;
    bool const has_target = r.u8() != 0;
    auto const target = domid(r.u16());
    info.target = has_target ? std::optional(target) : std::nullopt;
    find(at->second.ring)->who.target = info.target;
    return r.is_good();
}

bool server::restore_ring(change_kind kind, change_reader& r) {
    auto const ring = ring_connection(domid(r.u16()));
    auto* const c = ring ? find(*ring) : nullptr;
    if (c == nullptr) {
        return false;
    }
    if (kind == change_kind::queue) {
        c->out.push(r.text());
    } else if (kind == change_kind::broken) {
        give_up(c->id);
    } else if (kind == change_kind::unwatch_all) {
        watches_.remove_all(c->id);
    } else if (kind == change_kind::ring) {
        ring_position p;
        p.req_cons = r.u32();
        p.rsp_prod = r.u32();
        p.partial = r.text();
        // What was sent since the last such entry is not waiting any more.
        auto const sent = c->position ? p.rsp_prod - c->position->rsp_prod : 0;
        if (sent > c->out.size()) {
            return false;
        }
        c->out.pop(sent);
        c->position = std::move(p);
    } else {
        std::string const path(r.text());
        std::string const token(r.text());
        return kind == change_kind::watch
                   ? watches_.add(path, xenpp::store::watch{c->id, token, r.u8() != 0})
                   : watches_.remove(path, c->id, token);
    }
    return r.is_good();
}

bool server::restore(std::string_view changes) {
    change_reader r(changes);
    while (!r.at_end()) {
        auto const kind = static_cast<change_kind>(r.u8());
        bool is_done = false;
        switch (kind) {
        case change_kind::create:
        case change_kind::set_value:
        case change_kind::set_perms:
        case change_kind::remove:
        case change_kind::node:
        case change_kind::special: is_done = restore_tree(kind, r); break;
        case change_kind::domain:
        case change_kind::domain_state:
        case change_kind::domain_gone: is_done = restore_domain(kind, r); break;
        case change_kind::watch:
        case change_kind::unwatch:
        case change_kind::unwatch_all:
        case change_kind::queue:
        case change_kind::ring:
        case change_kind::broken: is_done = restore_ring(kind, r); break;
        case change_kind::generation:
            generation_ = r.u64();
            is_done = r.is_good();
            break;
        case change_kind::epoch:
            epoch_ = r.u32();
            is_done = r.is_good();
            break;
        }
        if (!is_done || !r.is_good()) {
            return false;
        }
    }
    return true;
}

void server::begin_epoch() {
    ++epoch_;
    if (is_recording_) {
        change_writer(changes_).kind(change_kind::epoch).u32(epoch_);
    }
}

} // namespace xenpp::store
