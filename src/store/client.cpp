// SPDX-License-Identifier: Apache-2.0
// Requests put into messages, replies taken apart.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/store/path.hpp>

#include <utility>

namespace xenpp::store {

namespace {

std::string terminated(std::string_view text) {
    return std::string(text) + '\0';
}

std::string number(std::uint64_t n) {
    return terminated(std::to_string(n));
}

/// What the server said cannot be understood.
unexpected<error> nonsense(std::string_view what) {
    return fail(what, errc::badmsg, "the server's answer has an unexpected form");
}

result<void> done(result<std::string> answer) {
    if (!answer) {
        return unexpected(std::move(answer.error()));
    }
    return {};
}

} // namespace

result<std::string> node_access::ask(std::string_view what,
                                     op type,
                                     std::string payload,
                                     std::string_view about) const {
    if (payload.size() > payload_max) {
        return fail(what, errc::toobig, std::string(about));
    }
    auto reply = XENPP_TRY(connection_->ask(message{type, 0, tx_, std::move(payload)}));
    if (reply.type == op::error) {
        auto const name = std::string_view(reply.payload).substr(0, reply.payload.find('\0'));
        return fail(what, error_from_name(name), std::string(about));
    }
    if (reply.type != type) {
        return nonsense(what);
    }
    return std::move(reply.payload);
}

result<std::string> node_access::read(std::string_view path) const {
    return ask("xenstore read", op::read, terminated(path), path);
}

result<bool> node_access::exists(std::string_view path) const {
    auto const found = read(path);
    if (!found && found.error().code != static_cast<int>(errc::noent)) {
        return unexpected(found.error());
    }
    return found.has_value();
}

result<void> node_access::write(std::string_view path, std::string_view value) const {
    return done(ask("xenstore write", op::write, terminated(path).append(value), path));
}

result<void> node_access::mkdir(std::string_view path) const {
    return done(ask("xenstore mkdir", op::mkdir, terminated(path), path));
}

result<void> node_access::rm(std::string_view path) const {
    return done(ask("xenstore rm", op::rm, terminated(path), path));
}

result<std::vector<std::string>> node_access::directory(std::string_view path) const {
    auto const names = ask("xenstore directory", op::directory, terminated(path), path);
    if (!names && names.error().code == static_cast<int>(errc::toobig)) {
        return directory_in_parts(path);
    }
    if (!names) {
        return unexpected(names.error());
    }
    auto const words = split_strings(*names);
    if (!words) {
        return nonsense("xenstore directory");
    }
    return std::vector<std::string>(words->begin(), words->end());
}

result<std::vector<std::string>> node_access::directory_in_parts(std::string_view path) const {
    constexpr std::string_view what = "xenstore directory";
    std::vector<std::string> out;
    std::string generation;
    std::size_t offset = 0;
    for (;;) {
        auto const part =
            XENPP_TRY(ask(what, op::directory_part, terminated(path) + number(offset), path));
        auto const words = split_strings(part);
        if (!words || words->empty()) {
            return nonsense(what);
        }
        if (generation != words->front()) {
            // The directory changed between two parts: from the start.
            bool const is_first = offset == 0;
            generation = words->front();
            out.clear();
            if (!is_first) {
                offset = 0;
                continue;
            }
        }
        if (words->size() == 1) {
            return nonsense(what);
        }
        for (std::size_t i = 1; i < words->size(); ++i) {
            if ((*words)[i].empty()) {
                return out;
            }
            offset += (*words)[i].size() + 1;
            out.emplace_back((*words)[i]);
        }
    }
}

result<perm_list> node_access::get_perms(std::string_view path) const {
    auto const answer = XENPP_TRY(ask("xenstore get_perms", op::get_perms, terminated(path), path));
    auto const words = split_strings(answer);
    perm_list out;
    for (auto const word : words.value_or(std::vector<std::string_view>{})) {
        auto const p = parse_perm(word);
        if (!p) {
            return nonsense("xenstore get_perms");
        }
        out.push_back(*p);
    }
    if (out.empty()) {
        return nonsense("xenstore get_perms");
    }
    return out;
}

result<void> node_access::set_perms(std::string_view path, perm_list const& perms) const {
    auto payload = terminated(path);
    for (auto const& p : perms) {
        payload += terminated(to_string(p));
    }
    return done(ask("xenstore set_perms", op::set_perms, std::move(payload), path));
}

// ---- transactions ----

client_transaction::client_transaction(client_transaction&& other) noexcept
    : node_access(other), is_open_(std::exchange(other.is_open_, false)) {}

client_transaction::~client_transaction() {
    if (is_open_) {
        // There is nobody left to tell; a server that did not hear forgets it with the connection.
        static_cast<void>(abort().has_value());
    }
}

result<std::string> client_transaction::end(std::string_view how) {
    is_open_ = false;
    return ask("xenstore transaction end", op::transaction_end, terminated(how), "");
}

result<bool> client_transaction::commit() {
    auto const answer = end("T");
    if (!answer && answer.error().code != static_cast<int>(errc::again)) {
        return unexpected(answer.error());
    }
    return answer.has_value();
}

result<void> client_transaction::abort() {
    return done(end("F"));
}

result<client_transaction> client::begin() const {
    constexpr std::string_view what = "xenstore transaction start";
    auto const answer = XENPP_TRY(ask(what, op::transaction_start, terminated(""), ""));
    auto const id =
        parse_number<std::uint64_t>(std::string_view(answer).substr(0, answer.find('\0')));
    if (!id || *id == 0 || *id > UINT32_MAX) {
        return nonsense(what);
    }
    return client_transaction(*connection_, static_cast<std::uint32_t>(*id));
}

// ---- watches ----

result<client> client::open(std::string const& path) {
    return client(XENPP_TRY(connect_path(path)));
}

result<void> client::watch(std::string_view path, std::string_view token) const {
    return done(ask("xenstore watch", op::watch, terminated(path) + terminated(token), path));
}

result<void> client::unwatch(std::string_view path, std::string_view token) const {
    return done(ask("xenstore unwatch", op::unwatch, terminated(path) + terminated(token), path));
}

result<void> client::reset_watches() const {
    return done(ask("xenstore reset_watches", op::reset_watches, terminated(""), ""));
}

result<std::optional<watch_report>> client::read_watch(int timeout_ms) const {
    auto const event = XENPP_TRY(connection_->next_event(timeout_ms));
    if (!event) {
        return std::optional<watch_report>{};
    }
    auto const words = split_strings(event->payload);
    if (!words || words->size() < 2) {
        return nonsense("xenstore watch event");
    }
    return std::optional(watch_report{std::string((*words)[0]), std::string((*words)[1])});
}

// ---- domains ----

result<void> client::introduce(domid d, gfn ring, evtchn_port port) const {
    auto const who = number(d.raw());
    return done(ask("xenstore introduce", op::introduce,
                    who + number(ring.raw()) + number(port.raw()), who));
}

result<void> client::release(domid d) const {
    auto const who = number(d.raw());
    return done(ask("xenstore release", op::release, who, who));
}

result<bool> client::is_introduced(domid d) const {
    auto const who = number(d.raw());
    auto const answer =
        XENPP_TRY(ask("xenstore is_introduced", op::is_domain_introduced, who, who));
    return answer == terminated("T");
}

result<void> client::resume(domid d) const {
    auto const who = number(d.raw());
    return done(ask("xenstore resume", op::resume, who, who));
}

result<void> client::set_target(domid d, domid target) const {
    auto const who = number(d.raw());
    return done(ask("xenstore set_target", op::set_target, who + number(target.raw()), who));
}

result<std::string> client::get_domain_path(domid d) const {
    auto const who = number(d.raw());
    auto answer = XENPP_TRY(ask("xenstore get_domain_path", op::get_domain_path, who, who));
    answer.resize(std::min(answer.size(), answer.find('\0')));
    return answer;
}

result<std::string> client::control(std::vector<std::string_view> const& words) const {
    std::string payload;
    for (auto const word : words) {
        payload += terminated(word);
    }
    auto answer = XENPP_TRY(ask("xenstore control", op::control, std::move(payload), ""));
    answer.resize(std::min(answer.size(), answer.find('\0')));
    return answer;
}

} // namespace xenpp::store
