// SPDX-License-Identifier: Apache-2.0
// A domain's configuration in the words of xl.cfg.
#include "config/bindings.hpp"

#include <xenpp/config/disk_spec.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/config/schema.hpp>
#include <xenpp/config/vif_spec.hpp>

namespace xenpp::config {
namespace {

template <class Enum>
std::string_view word_of(std::string_view key, Enum e) noexcept {
    return word_at(find(domain_schema(), key)->words, static_cast<int>(e));
}

value affinity_value(cpu_affinity const& a) {
    if (!a.is_per_vcpu) {
        return detail::text_value(print(a.lists.front()));
    }
    std::vector<value> items;
    for (auto const& list : a.lists) {
        items.push_back(detail::text_value(print(list)));
    }
    return {std::move(items), {}};
}

} // namespace

std::string_view to_string(domain_type t) noexcept {
    return word_of("type", t);
}

std::string_view to_string(shutdown_action a) noexcept {
    return word_of("on_poweroff", a);
}

std::string_view to_string(tsc_mode m) noexcept {
    return word_of("tsc_mode", m);
}

std::string_view to_string(timer_mode m) noexcept {
    return word_of("timer_mode", m);
}

std::vector<setting> to_settings(domain_config const& c) {
    std::vector<setting> out;
    auto const add = [&out](std::string_view key, value v) {
        out.push_back({std::string(key), assign_op::set, std::move(v), {}});
    };
    auto const add_text = [&add](std::string_view key, std::string_view text) {
        add(key, detail::text_value(std::string(text)));
    };
    auto const add_number = [&add](std::string_view key, std::uint64_t n) {
        add(key, detail::text_value(std::to_string(n)));
    };
    add_text("name", c.name);
    add_text("type", to_string(c.type));
    if (c.uuid) {
        add_text("uuid", format(*c.uuid));
    }
    add_number("memory", c.memory_mib);
    add_number("maxmem", c.maxmem_mib);
    add_number("vcpus", c.vcpus);
    add_number("maxvcpus", c.maxvcpus);
    if (!c.cpus.empty()) {
        add("cpus", affinity_value(c.cpus));
    }
    if (!c.cpus_soft.empty()) {
        add("cpus_soft", affinity_value(c.cpus_soft));
    }
    if (c.tsc_mode != tsc_mode::by_default) {
        add_text("tsc_mode", to_string(c.tsc_mode));
    }
    if (c.timer_mode) {
        add_text("timer_mode", to_string(*c.timer_mode));
    }
    for (auto const& b : domain_bindings()) {
        if (auto v = b.get(c, *find(domain_schema(), b.key))) {
            add(b.key, *std::move(v));
        }
    }
    if (!c.disks.empty()) {
        std::vector<value> items;
        for (auto const& d : c.disks) {
            items.push_back(detail::text_value(print(d)));
        }
        add("disk", {std::move(items), {}});
    }
    if (!c.vifs.empty()) {
        std::vector<value> items;
        for (auto const& v : c.vifs) {
            items.push_back(detail::text_value(print(v)));
        }
        add("vif", {std::move(items), {}});
    }
    return out;
}

std::string print(domain_config const& c) {
    return print(file{{}, to_settings(c)});
}

} // namespace xenpp::config
