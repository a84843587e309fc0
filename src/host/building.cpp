// SPDX-License-Identifier: Apache-2.0
// Notes in xenstore about domains that are being built.
#include "host/building.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/os/process.hpp>

#include <fmt/core.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace xenpp::detail {
namespace {

constexpr std::string_view operation = "create domain";

/// The `n`-th blank-separated word of `text`, from 0; empty if there are not that many.
std::string_view word(std::string_view text, unsigned n) noexcept {
    for (; n != 0; --n) {
        auto const blank = text.find(' ');
        if (blank == std::string_view::npos) {
            return {};
        }
        text.remove_prefix(blank + 1);
    }
    return text.substr(0, text.find(' '));
}

std::string print(building_note const& n) {
    return fmt::format("{} {} {}", n.builder.pid, n.builder.start, n.name);
}

std::optional<building_note> parse(std::string_view uuid, std::string_view text) {
    auto const id = config::parse_uuid(uuid);
    auto const first = word(text, 0);
    auto const second = word(text, 1);
    auto const pid = parse_number<int>(first);
    auto const start = parse_number<std::uint64_t>(second);
    auto const name_at = first.size() + second.size() + 2;
    if (!id || !pid || !start || name_at > text.size()) {
        return {};
    }
    return building_note{*id, {*pid, *start}, std::string(text.substr(name_at))};
}

unexpected<error> taken(std::string_view name, std::string_view by) {
    return fail(operation, EEXIST, fmt::format("a domain named \"{}\" {}", name, by));
}

/// Writes the note, unless another one that counts stands in its way.
result<void>
write_note(store::client_transaction const& t, std::string const& path, building_note const& mine) {
    for (auto const& other : XENPP_TRY(building_notes(t))) {
        bool const is_same = other.uuid == mine.uuid;
        if ((!is_same && other.name != mine.name) || !other.builder.is_alive()) {
            continue;
        }
        if (is_same) {
            return fail(
                operation, EEXIST,
                fmt::format("a domain with the UUID {} is being built", config::format(mine.uuid)));
        }
        return taken(mine.name, "is being built");
    }
    return t.write(path, print(mine));
}

result<void> check_domains(session& s,
                           config::uuid const& uuid,
                           std::string_view name,
                           std::optional<domid> self) {
    for (auto const& d : XENPP_TRY(ctl::get_domain_list(s.hypervisor()))) {
        if (self && *self == domid(d.domain)) {
            continue;
        }
        if (XENPP_TRY(s.name_of(domid(d.domain))) == name) {
            return taken(name, fmt::format("exists: it is domain {}; choose "
                                           "another name, or xl destroy {}",
                                           d.domain, d.domain));
        }
        if (std::ranges::equal(d.handle, uuid) && (d.flags & abi::dominf_dying) == 0) {
            return fail(operation, EEXIST,
                        fmt::format("a domain with the UUID {} exists: it is domain {}",
                                    config::format(uuid), d.domain));
        }
    }
    return {};
}

} // namespace

std::string building_path(config::uuid const& uuid) {
    return fmt::format("{}/{}", building_node, config::format(uuid));
}

result<process_identity> process_identity::of_this_process() {
    auto const pid = getpid();
    return process_identity{pid, XENPP_TRY(os::start_time(pid))};
}

bool process_identity::is_alive() const {
    auto const now = os::start_time(pid);
    return now ? *now == start : now.error().code != ESRCH;
}

result<std::vector<building_note>> building_notes(store::node_access const& s) {
    auto const names = s.directory(building_node);
    if (!names) {
        if (is_missing(names.error())) {
            return std::vector<building_note>();
        }
        return unexpected(names.error());
    }
    std::vector<building_note> notes;
    for (auto const& uuid : *names) {
        auto const text = s.read(std::string(building_node) + "/" + uuid);
        if (!text) {
            continue; // removed meanwhile
        }
        if (auto note = parse(uuid, *text)) {
            notes.push_back(std::move(*note));
        }
    }
    return notes;
}

result<name_reservation> name_reservation::take(std::shared_ptr<session> s,
                                                config::uuid const& uuid,
                                                std::string_view name,
                                                std::optional<domid> self) {
    auto const path = building_path(uuid);
    building_note const mine{uuid, XENPP_TRY(process_identity::of_this_process()),
                             std::string(name)};
    XENPP_TRY(s->store().transact(
        [&](store::client_transaction const& t) { return write_note(t, path, mine); }));
    name_reservation r(std::move(s), path);
    // Domains that are complete are looked at after the note is there: whoever completes one under
    // this name now had a note before ours, or finds ours.
    XENPP_TRY(check_domains(*r.s_, uuid, name, self));
    return r;
}

name_reservation::~name_reservation() {
    if (s_ != nullptr) {
        static_cast<void>(s_->store().rm(path_).has_value()); // else the monitor does it
    }
}

result<void> name_reservation::finish() {
    auto const done = s_->store().rm(path_);
    if (done) {
        s_ = nullptr;
    }
    return done;
}

} // namespace xenpp::detail
