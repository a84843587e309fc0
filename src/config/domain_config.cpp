// SPDX-License-Identifier: Apache-2.0
// A domain's configuration in the words of xl.cfg.
#include "config/fields.hpp"

#include <xenpp/config/ast.hpp>
#include <xenpp/config/disk_spec.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/config/schema.hpp>

#include <fmt/format.h>

namespace xenpp::config {
namespace {

template <class Enum>
std::string_view word_of(std::string_view key, Enum e) noexcept {
    return word_at(find(domain_schema(), key)->words, static_cast<int>(e));
}

std::string in_words(std::string const& s) {
    return quote(s);
}

std::string in_words(bool b) {
    return b ? "1" : "0";
}

std::string in_words(std::int32_t n) {
    return n < 0 ? fmt::format("\"{}\"", n) : fmt::format("{}", n);
}

std::string in_words(std::optional<std::uint32_t> const& n) {
    return fmt::format("{}", *n);
}

std::string in_words(shutdown_action a) {
    return fmt::format("\"{}\"", to_string(a));
}

std::string in_words(cpu_affinity const& a) {
    if (!a.is_per_vcpu) {
        return quote(print(a.lists.front()));
    }
    std::string out;
    for (auto const& list : a.lists) {
        out += fmt::format("{}{}", out.empty() ? "[ " : ", ", quote(print(list)));
    }
    return out + " ]";
}

/// A list of strings, each printed by `print_item`.
template <class Items, class Print>
std::string in_words(Items const& items, Print print_item) {
    std::string out;
    for (auto const& item : items) {
        out += fmt::format("{}{}", out.empty() ? "[ " : ", ", quote(print_item(item)));
    }
    return out + " ]";
}

void print_plain(std::string& out, domain_config const& c, plain_field const& field) {
    static domain_config const defaults;
    std::visit(
        [&](auto member) {
            if (c.*member != defaults.*member) {
                out += fmt::format("{} = {}\n", field.key, in_words(c.*member));
            }
        },
        field.member);
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

std::string print(domain_config const& c) {
    std::string out = fmt::format("name = {}\ntype = \"{}\"\n", quote(c.name), to_string(c.type));
    if (c.uuid) {
        out += fmt::format("uuid = \"{}\"\n", format(*c.uuid));
    }
    out += fmt::format("memory = {}\nmaxmem = {}\nvcpus = {}\nmaxvcpus = {}\n", c.memory_mib,
                       c.maxmem_mib, c.vcpus, c.maxvcpus);
    if (!c.cpus.empty()) {
        out += fmt::format("cpus = {}\n", in_words(c.cpus));
    }
    if (!c.cpus_soft.empty()) {
        out += fmt::format("cpus_soft = {}\n", in_words(c.cpus_soft));
    }
    if (c.tsc_mode != tsc_mode::by_default) {
        out += fmt::format("tsc_mode = \"{}\"\n", to_string(c.tsc_mode));
    }
    if (c.timer_mode) {
        out += fmt::format("timer_mode = \"{}\"\n", to_string(*c.timer_mode));
    }
    for (auto const& field : plain_fields) {
        print_plain(out, c, field);
    }
    if (!c.disks.empty()) {
        out += fmt::format("disk = {}\n",
                           in_words(c.disks, [](dev::vbd_config const& d) { return print(d); }));
    }
    return out;
}

} // namespace xenpp::config
