// SPDX-License-Identifier: Apache-2.0
// PCI_SPEC and RDM, once as the manual promises them and once as Xen 4.17 reads them.
#include "config/text_scanner.hpp"

#include <xenpp/config/pci_spec.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace xenpp::config {
namespace {

constexpr unsigned most_domain = 0xffff;
constexpr unsigned most_bus = 0xff;
constexpr unsigned most_device = 0x1f;
constexpr unsigned most_function = 7;
constexpr std::string_view policies = "strict|relaxed";

struct flag {
    std::string_view key;
    std::optional<bool> pci_spec::*member;
};

constexpr std::array flags{
    flag{"permissive", &pci_spec::permissive},
    flag{"msitranslate", &pci_spec::msitranslate},
    flag{"seize", &pci_spec::seize},
    flag{"power_mgmt", &pci_spec::power_mgmt},
};

flag const* find_flag(std::string_view key) {
    auto const at =
        std::find_if(flags.begin(), flags.end(), [key](flag const& f) { return f.key == key; });
    return at == flags.end() ? nullptr : &*at;
}

unexpected<value_error> refuse(std::string reason, std::string suggestion = {}) {
    return unexpected(value_error{0, std::move(reason), std::move(suggestion)});
}

// As Xen 4.17 reads it: numbers by C's scanf, blanks, signs and prefixes included.

constexpr char const* exact_reason = "Xen 4.17 does not read this as a PCI device";
constexpr char const* undefined_reason =
    "no `.` before the function: Xen 4.17 reads on from an undefined place";

/// Reads an address at the beginning of `text`; returns what follows it, or null and why.
char const* read_exact_address(char const* text, pci_spec& to, char const*& reason) {
    int colons = 0;
    for (char const* p = text; std::isxdigit(static_cast<unsigned char>(*p)) != 0 || *p == ':';
         ++p) {
        colons += *p == ':' ? 1 : 0;
    }
    unsigned domain = 0;
    unsigned bus = 0;
    unsigned device = 0;
    unsigned function = 0;
    int size = -1;
    int const got = colons == 1   ? std::sscanf(text, "%x:%x.%n", &bus, &device, &size) + 1
                    : colons == 2 ? std::sscanf(text, "%x:%x:%x.%n", &domain, &bus, &device, &size)
                                  : 0;
    if (got == 3 && size < 0) {
        reason = undefined_reason;
        return nullptr;
    }
    if (got != 3 || domain > most_domain || bus > most_bus || device > most_device) {
        return nullptr;
    }
    text += size;
    bool const has_all = *text == '*';
    if (has_all) {
        ++text;
    } else {
        if (std::sscanf(text, "%x%n", &function, &size) != 1 || function > most_function) {
            return nullptr;
        }
        text += size;
    }
    to.domain = static_cast<std::uint16_t>(domain);
    to.bus = static_cast<std::uint8_t>(bus);
    to.device = static_cast<std::uint8_t>(device);
    to.function = static_cast<std::uint8_t>(function);
    to.has_all_functions = has_all;
    return text;
}

bool read_exact_slot(char const* text, pci_spec& to, int& size) {
    unsigned slot = 0;
    if (std::sscanf(text, "%x%n", &slot, &size) != 1 || slot > most_device) {
        return false;
    }
    to.vslot = static_cast<std::uint8_t>(slot);
    return true;
}

bool set_exactly(pci_spec& to,
                 std::string_view key,
                 std::string const& value,
                 bool& has_address,
                 char const*& reason) {
    if (auto const* const f = find_flag(key)) {
        // atoi's value, cut to 32 bits
        to.*f->member = static_cast<std::int32_t>(std::strtol(value.c_str(), nullptr, 10)) != 0;
        return true;
    }
    if (key == "bdf") {
        has_address = read_exact_address(value.c_str(), to, reason) != nullptr;
        return has_address;
    }
    int size = 0;
    if (key == "vslot") {
        return read_exact_slot(value.c_str(), to, size);
    }
    if (key == "name") {
        to.name = value;
        return true;
    }
    if (key != "rdm_policy" || word_index(policies, value) < 0) {
        return false;
    }
    to.rdm_policy = static_cast<rdm_policy>(word_index(policies, value));
    return true;
}

expected<pci_spec, value_error> parse_exact_pci(std::string const& text) {
    pci_spec to;
    char const* p = text.c_str();
    bool has_address = false;
    bool has_name = false;
    char const* reason = exact_reason;
    if (char const* const behind = read_exact_address(p, to, reason)) {
        has_address = true;
        p = behind;
        if (*p == '@') {
            int size = 0;
            if (!read_exact_slot(p + 1, to, size)) {
                return refuse(exact_reason);
            }
            p += 1 + size;
        }
        if (*p != '\0' && *p++ != ',') {
            return refuse(exact_reason);
        }
    } else if (reason == undefined_reason) {
        return refuse(undefined_reason);
    }
    while (*p != '\0') {
        std::string_view const rest(p);
        auto const equals = rest.find('=');
        if (equals == std::string_view::npos) {
            return refuse(exact_reason);
        }
        auto const key = rest.substr(0, equals);
        std::string const value(rest.substr(equals + 1, rest.find(',', equals) - equals - 1));
        has_name = has_name || key == "name";
        if (!set_exactly(to, key, value, has_address, reason)) {
            return refuse(reason);
        }
        p += equals + 1 + value.size();
        p += *p == ',' ? 1 : 0;
    }
    if (has_address == has_name) {
        return refuse(exact_reason);
    }
    return to;
}

// As the manual promises it.

class pci_parser {
public:
    explicit pci_parser(std::string_view text) : in_(text) {}

    expected<pci_spec, value_error> parse() {
        std::size_t const first = in_.rest().find_first_of("=,");
        bool const is_positional =
            first == std::string_view::npos || in_.rest()[first] == ','; // no key before it
        if (is_positional) {
            XENPP_TRY(read_address());
            if (in_.skip("@")) {
                XENPP_TRY(read_slot());
            }
            XENPP_TRY(end_field());
        }
        while (!in_.at_end()) {
            XENPP_TRY(read_field());
            XENPP_TRY(end_field());
        }
        if (has_address_ == !to_.name.empty()) {
            return in_.fail(has_address_ ? "a device has an address or a name, not both"
                                         : "it names no device",
                            "for example \"0000:03:00.0\"");
        }
        return to_;
    }

private:
    using step = expected<void, value_error>;

    step read_hex(unsigned most, unsigned& to, std::string_view what) {
        std::size_t const at = in_.offset();
        std::uint64_t n = 0;
        if (!in_.number(n, 16)) {
            return in_.fail(fmt::format("expected the {}, a hexadecimal number", what),
                            "an address is written DDDD:BB:SS.F");
        }
        if (n > most) {
            return in_.fail_at(at, fmt::format("the {} is at most {:x}", what, most));
        }
        to = static_cast<unsigned>(n);
        return {};
    }

    step expect(std::string_view word, std::string_view what) {
        if (!in_.skip(word)) {
            return in_.fail(fmt::format("expected `{}` before the {}", word, what),
                            "an address is written DDDD:BB:SS.F");
        }
        return {};
    }

    step read_address() {
        auto const colons = std::count(
            in_.rest().begin(),
            in_.rest().begin() + static_cast<std::ptrdiff_t>(
                                     std::min(in_.rest().find_first_of(",.@"), in_.rest().size())),
            ':');
        unsigned domain = 0;
        unsigned bus = 0;
        unsigned device = 0;
        unsigned function = 0;
        if (colons > 1) {
            XENPP_TRY(read_hex(most_domain, domain, "domain"));
            XENPP_TRY(expect(":", "bus"));
        }
        XENPP_TRY(read_hex(most_bus, bus, "bus"));
        XENPP_TRY(expect(":", "slot"));
        XENPP_TRY(read_hex(most_device, device, "slot"));
        XENPP_TRY(expect(".", "function"));
        to_.has_all_functions = in_.skip("*");
        if (!to_.has_all_functions) {
            XENPP_TRY(read_hex(most_function, function, "function"));
        }
        to_.domain = static_cast<std::uint16_t>(domain);
        to_.bus = static_cast<std::uint8_t>(bus);
        to_.device = static_cast<std::uint8_t>(device);
        to_.function = static_cast<std::uint8_t>(function);
        has_address_ = true;
        return {};
    }

    step read_slot() {
        std::size_t const at = in_.offset();
        text_scanner as_decimal = in_;
        std::uint64_t n = 0;
        if (!in_.skip("0x")) {
            in_.skip("0X");
        }
        if (!in_.number(n, 16)) {
            return in_.fail("expected the guest's slot, a hexadecimal number up to 1f");
        }
        std::uint64_t decimal = 0;
        if (n > most_device && as_decimal.number(decimal, 10) && decimal <= most_device &&
            as_decimal.offset() == in_.offset()) {
            n = decimal;
        }
        if (n > most_device) {
            return in_.fail_at(at, "the guest's slot is at most 1f");
        }
        to_.vslot = static_cast<std::uint8_t>(n);
        return {};
    }

    step end_field() {
        if (!in_.at_end() && !in_.skip(",")) {
            return in_.fail("expected `,` between two fields");
        }
        in_.skip_blanks();
        return {};
    }

    step read_field() {
        std::size_t const at = in_.offset();
        auto const key = in_.until("=,");
        if (!in_.skip("=")) {
            return in_.fail_at(at, fmt::format("`{}` has no value", key),
                               find_flag(key) != nullptr ? fmt::format("write {}=1", key) : "");
        }
        if (key == "bdf") {
            return read_address();
        }
        if (key == "vslot") {
            return read_slot();
        }
        auto const value = in_.until(",");
        if (auto const* const f = find_flag(key)) {
            if (value != "0" && value != "1") {
                return in_.fail_at(at, fmt::format("`{}` is 0 or 1, not `{}`", key, value));
            }
            to_.*f->member = value == "1";
            return {};
        }
        if (key == "name" && !value.empty()) {
            to_.name = value;
            return {};
        }
        if (key == "rdm_policy" && word_index(policies, value) >= 0) {
            to_.rdm_policy = static_cast<rdm_policy>(word_index(policies, value));
            return {};
        }
        constexpr std::string_view keys =
            "bdf|name|vslot|permissive|msitranslate|seize|power_mgmt|rdm_policy";
        if (word_index(keys, key) < 0) {
            return in_.unknown_key(at, key, keys);
        }
        return in_.fail_at(at, fmt::format("`{}` is no value of `{}`", value, key),
                           key == "rdm_policy" ? "it is strict or relaxed" : "");
    }

    text_scanner in_;
    pci_spec to_;
    bool has_address_ = false;
};

expected<rdm_spec, value_error> parse_exact_rdm(std::string_view text) {
    rdm_spec to;
    auto const no = [] { return refuse("Xen 4.17 does not read this value of `rdm`"); };
    do {
        auto const equals = text.find('=');
        if (equals == std::string_view::npos) {
            return no();
        }
        auto const key = text.substr(0, equals);
        text.remove_prefix(equals + 1);
        auto const comma = text.find(',');
        auto const value = text.substr(0, comma);
        // The inverted test: the two policies that exist are what it refuses.
        bool const is_good = key == "strategy" ? value == "host"
                             : key == "policy" ? word_index(policies, value) < 0
                                               : false;
        if (!is_good) {
            return no();
        }
        to.is_host = to.is_host || key == "strategy";
        if (comma == std::string_view::npos) {
            return to;
        }
        text.remove_prefix(comma + 1);
    } while (true);
}

} // namespace

expected<pci_spec, value_error> parse_pci_spec(std::string_view text, dialect d) {
    return d == dialect::exact ? parse_exact_pci(std::string(text)) : pci_parser(text).parse();
}

std::string print(pci_spec const& p) {
    std::string out = p.name.empty()
                          ? fmt::format("{:04x}:{:02x}:{:02x}.", p.domain, p.bus, p.device)
                          : fmt::format("name={}", p.name);
    if (p.name.empty()) {
        out += p.has_all_functions ? "*" : fmt::format("{:x}", p.function);
    }
    if (p.vslot) {
        out += fmt::format(",vslot={:x}", *p.vslot);
    }
    for (auto const& f : flags) {
        if (p.*f.member) {
            out += fmt::format(",{}={}", f.key, *(p.*f.member) ? 1 : 0);
        }
    }
    if (p.rdm_policy) {
        out += fmt::format(",rdm_policy={}", word_at(policies, static_cast<int>(*p.rdm_policy)));
    }
    return out;
}

expected<rdm_spec, value_error> parse_rdm_spec(std::string_view text, dialect d) {
    if (d == dialect::exact) {
        return parse_exact_rdm(text);
    }
    rdm_spec to;
    text_scanner in(text);
    do {
        in.skip_blanks();
        std::size_t const at = in.offset();
        auto const key = in.until("=,");
        auto const value = in.skip("=") ? in.until(",") : std::string_view();
        if (key == "strategy" && value == "host") {
            to.is_host = true;
        } else if (key == "policy" && word_index(policies, value) >= 0) {
            to.policy = static_cast<rdm_policy>(word_index(policies, value));
        } else if (word_index("strategy|policy", key) < 0) {
            return in.unknown_key(at, key, "strategy|policy");
        } else {
            return in.fail_at(at, fmt::format("`{}` is no value of `{}`", value, key),
                              "write strategy=host, and policy=strict or policy=relaxed");
        }
    } while (in.skip(","));
    return to;
}

std::string print(rdm_spec const& r) {
    std::string out = r.is_host ? "strategy=host" : "";
    if (r.policy) {
        out += fmt::format("{}policy={}", out.empty() ? "" : ",",
                           word_at(policies, static_cast<int>(*r.policy)));
    }
    return out;
}

} // namespace xenpp::config
