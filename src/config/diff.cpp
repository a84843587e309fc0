// SPDX-License-Identifier: Apache-2.0
// Comparing the settings of two configurations key by key.
#include "config/text_scanner.hpp"

#include <xenpp/config/diff.hpp>

#include <fmt/format.h>

namespace xenpp::config {
namespace {

// What the hypervisor or the guest's drivers take while the domain runs. `maxmem` only bounds what
// a balloon may come to, but the guest was built for it.
constexpr std::string_view hot_keys =
    "name|memory|cpus|cpus_soft|cpu_weight|cap|on_poweroff|on_reboot|on_crash|on_watchdog|"
    "on_soft_reset|vcpus|pool|disk|vif";

setting const* find_setting(std::vector<setting> const& all, std::string_view key) {
    auto const at =
        std::find_if(all.begin(), all.end(), [key](setting const& s) { return s.key == key; });
    return at == all.end() ? nullptr : &*at;
}

std::optional<value> value_of(setting const* s) {
    return s == nullptr ? std::nullopt : std::optional(s->value);
}

/// Items of `from` that `others` has not, a line each.
std::string items_beside(std::string_view sign,
                         std::string_view key,
                         std::vector<value> const& from,
                         std::vector<value> others) {
    std::string out;
    for (auto const& item : from) {
        auto const same = std::find(others.begin(), others.end(), item);
        if (same != others.end()) {
            others.erase(same);
        } else {
            out += fmt::format("{} {}: {}\n", sign, key, print(item));
        }
    }
    return out;
}

std::string line(std::string_view sign, std::string_view key, std::optional<value> const& v) {
    return v ? fmt::format("{} {} = {}\n", sign, key, print(*v)) : std::string();
}

} // namespace

change_effect effect_of(std::string_view key) noexcept {
    return word_index(hot_keys, key) >= 0 ? change_effect::hot : change_effect::reboot;
}

std::string_view to_string(change_effect e) noexcept {
    return e == change_effect::hot ? "hot" : "reboot";
}

std::vector<change> diff(domain_config const& before, domain_config const& after) {
    auto const old = to_settings(before);
    auto const now = to_settings(after);
    std::vector<change> out;
    auto const add = [&](std::string const& key) {
        auto const* const from = find_setting(old, key);
        auto const* const to = find_setting(now, key);
        bool const is_same = from != nullptr && to != nullptr && from->value == to->value;
        if (!is_same && !(key == "uuid" && (from == nullptr || to == nullptr))) {
            out.push_back({key, value_of(from), value_of(to), effect_of(key)});
        }
    };
    for (auto const& s : now) {
        add(s.key);
    }
    for (auto const& s : old) {
        if (find_setting(now, s.key) == nullptr) {
            add(s.key);
        }
    }
    return out;
}

std::string print(change const& c) {
    bool const are_lists = c.before && c.after && c.before->is_list() && c.after->is_list();
    if (are_lists) {
        auto const lines = items_beside("-", c.key, c.before->list(), c.after->list()) +
                           items_beside("+", c.key, c.after->list(), c.before->list());
        if (!lines.empty()) {
            return lines; // else their order alone differs
        }
    }
    return line("-", c.key, c.before) + line("+", c.key, c.after);
}

} // namespace xenpp::config
