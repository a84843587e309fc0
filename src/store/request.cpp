// SPDX-License-Identifier: Apache-2.0
// Requests on nodes: read, write, create, remove, list, permissions.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/store/path.hpp>

#include <store/request.hpp>

namespace xenpp::store {

namespace {

std::string const acknowledged("OK\0", 3);

std::string names_of(node const& n) {
    std::string out;
    for (auto const& c : n.children) {
        out.append(c.name).append(1, '\0');
    }
    return out;
}

/// An error as a result, for XENPP_TRY.
expected<void, errc> check(errc e) {
    if (e != errc::ok) {
        return unexpected(e);
    }
    return {};
}

} // namespace

// ---- arguments ----

expected<std::vector<std::string_view>, errc> request::strings(std::size_t least,
                                                               std::size_t most) const {
    auto words = split_strings(in_.payload);
    if (!words || words->size() < least || words->size() > most) {
        return unexpected(errc::inval);
    }
    return std::move(*words);
}

expected<std::string, errc> request::absolute(std::string_view path) const {
    auto full = canonical(path, from_.who.self);
    if (!full) {
        return unexpected(errc::inval);
    }
    return std::move(*full);
}

expected<std::string, errc> request::one_path() const {
    auto const words = XENPP_TRY(strings(1, 1));
    return absolute(words[0]);
}

// ---- the tree as this request sees it ----

tree const& request::nodes() const {
    return transaction_ != nullptr ? transaction_->view() : server_.tree_;
}

void request::look(std::string_view path, facet f) {
    if (transaction_ != nullptr) {
        transaction_->look(path, f);
    }
}

expected<node const*, errc> request::node_for(std::string_view path, access want, facet f) {
    // What is below a missing node is missing: the first one tells all, however long the path.
    auto const at = nodes().locate(path);
    look(at.path, facet::existence);
    if (!at.missing.empty()) {
        look(at.path, facet::permissions);
        look(at.missing, facet::existence);
        bool const may_know = grants(rights_of(from_.who, at.deepest->perms), want);
        return unexpected(may_know ? errc::noent : errc::acces);
    }
    look(path, f);
    if (!from_.who.is_privileged) {
        look(path, facet::permissions);
    }
    if (!grants(rights_of(from_.who, at.deepest->perms), want)) {
        return unexpected(errc::acces);
    }
    return at.deepest;
}

void request::change(mutation m) {
    if (transaction_ == nullptr) {
        server_.change(m);
    } else {
        transaction_->change(std::move(m));
    }
}

errc request::check_transaction() const {
    auto const& q = server_.limits_;
    bool const is_full =
        !from_.who.is_privileged && (transaction_->touched() >= q.transaction_nodes ||
                                     server_.transaction_memory(from_.id) >= q.transaction_memory);
    return is_full ? errc::nospc : errc::ok;
}

errc request::check_size(std::size_t bytes) const {
    return from_.who.is_privileged || bytes <= server_.limits_.node_size ? errc::ok : errc::nospc;
}

void request::announce(std::string_view path) {
    if (transaction_ == nullptr) {
        server_.fire(path, *server_.tree_.find(path));
    }
}

errc request::create(std::string_view path, std::string_view value) {
    // The deepest node that exists decides the permissions; `node_for` has looked at it and at the
    // first that is missing.
    auto const at = nodes().locate(path);
    auto perms = at.deepest->perms;
    // All limits are checked before the first node is made, so that a refusal leaves none behind.
    auto size_above = at.deepest->size();
    std::size_t missing = 0;
    for (path_walker walk(path.substr(parent_of(at.missing).size())); !walk.at_end(); ++missing) {
        if (auto const e = check_size(size_above + walk.next().size() + 1); e != errc::ok) {
            return e;
        }
        size_above = 4 * perms.size();
    }
    if (auto const e = check_size(size_above + value.size()); e != errc::ok) {
        return e;
    }
    if (!from_.who.is_privileged) {
        perms.front().domain = from_.who.self;
        if (nodes().owned(from_.who.self) + missing > server_.limits_.nodes) {
            return errc::nospc;
        }
    }
    change(mutation{mutation::kind::create, std::string(path), {}, std::move(perms)});
    if (!value.empty()) {
        change(mutation{mutation::kind::set_value, std::string(path), std::string(value), {}});
    }
    return errc::ok;
}

// ---- requests ----

request::answer request::directory() {
    auto const path = XENPP_TRY(one_path());
    auto const* n = XENPP_TRY(node_for(path, access::read, facet::children));
    return names_of(*n);
}

request::answer request::directory_part() {
    auto const words = XENPP_TRY(strings(2, 2));
    auto const path = XENPP_TRY(absolute(words[0]));
    auto const offset = parse_number<std::uint64_t>(words[1]);
    if (!offset) {
        return unexpected(errc::inval);
    }
    auto const* n = XENPP_TRY(node_for(path, access::read, facet::children));
    auto const names = names_of(*n);
    std::string out = std::to_string(n->children_generation) + '\0';
    if (*offset >= names.size()) {
        return out + '\0';
    }
    // Whole names only; a final empty one says that the list is complete.
    auto rest = std::string_view(names).substr(*offset);
    while (!rest.empty()) {
        auto const length = rest.find('\0') + 1;
        if (out.size() + length > payload_max) {
            return out;
        }
        out += rest.substr(0, length);
        rest.remove_prefix(length);
    }
    return out.size() < payload_max ? out + '\0' : out;
}

request::answer request::read() {
    auto const path = XENPP_TRY(one_path());
    auto const* n = XENPP_TRY(node_for(path, access::read, facet::value));
    return std::string(n->value);
}

request::answer request::write() {
    auto const end = in_.payload.find('\0');
    if (end == std::string::npos) {
        return unexpected(errc::inval);
    }
    auto const path = XENPP_TRY(absolute(std::string_view(in_.payload).substr(0, end)));
    auto value = in_.payload.substr(end + 1);
    auto const existing = node_for(path, access::write, facet::existence);
    if (!existing && existing.error() != errc::noent) {
        return unexpected(existing.error());
    }
    if (!existing) {
        XENPP_TRY(check(create(path, value)));
    } else {
        auto const rest = (*existing)->size() - (*existing)->value.size();
        XENPP_TRY(check(check_size(rest + value.size())));
        change(mutation{mutation::kind::set_value, path, std::move(value), {}});
    }
    announce(path);
    return acknowledged;
}

request::answer request::mkdir() {
    auto const path = XENPP_TRY(one_path());
    auto const existing = node_for(path, access::write, facet::existence);
    if (existing) {
        return acknowledged;
    }
    if (existing.error() != errc::noent) {
        return unexpected(existing.error());
    }
    XENPP_TRY(check(create(path, {})));
    announce(path);
    return acknowledged;
}

request::answer request::remove() {
    auto const path = XENPP_TRY(one_path());
    auto const existing = node_for(path, access::write, facet::existence);
    if (!existing) {
        // Gone already is as good, if there is a directory that it could have been in.
        if (existing.error() == errc::noent && nodes().find(parent_of(path)) != nullptr) {
            return acknowledged;
        }
        return unexpected(existing.error());
    }
    if (path == "/") {
        return unexpected(errc::inval);
    }
    change(mutation{mutation::kind::remove, path, {}, {}});
    return acknowledged;
}

request::answer request::get_perms() {
    auto const path = XENPP_TRY(one_path());
    auto const* n = XENPP_TRY(node_for(path, access::read, facet::permissions));
    std::string out;
    for (auto const& p : n->perms) {
        out.append(to_string(p)).append(1, '\0');
    }
    return out;
}

request::answer request::set_special_perms(std::string_view name, perm_list perms) {
    auto const at = server_.specials_.find(name);
    if (at == server_.specials_.end()) {
        return unexpected(errc::inval);
    }
    if (!from_.who.is_privileged) {
        return unexpected(errc::acces);
    }
    if (server_.is_recording_) {
        change_writer(server_.changes_).kind(change_kind::special).text(name).perms(perms);
    }
    at->second = std::move(perms);
    return acknowledged;
}

request::answer request::set_perms() {
    auto const words = XENPP_TRY(strings(2, payload_max));
    perm_list perms;
    for (std::size_t i = 1; i < words.size(); ++i) {
        auto const p = parse_perm(words[i]);
        if (!p) {
            return unexpected(errc::inval);
        }
        perms.push_back(*p);
    }
    if (!from_.who.is_privileged && perms.size() > server_.limits_.permissions) {
        return unexpected(errc::nospc);
    }
    if (is_special(words[0])) {
        return set_special_perms(words[0], std::move(perms));
    }
    auto const path = XENPP_TRY(absolute(words[0]));
    auto const* n = XENPP_TRY(node_for(path, access::write, facet::permissions));
    if (!is_owner(from_.who, n->perms)) {
        return unexpected(errc::acces);
    }
    if (!from_.who.is_privileged && perms.front().domain != n->perms.front().domain) {
        return unexpected(errc::perm);
    }
    auto const rest = n->size() - 4 * n->perms.size();
    XENPP_TRY(check(check_size(rest + 4 * perms.size())));
    change(mutation{mutation::kind::set_perms, path, {}, std::move(perms)});
    announce(path);
    return acknowledged;
}

} // namespace xenpp::store
