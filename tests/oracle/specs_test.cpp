// SPDX-License-Identifier: Apache-2.0
// Generated structured values: our exact dialect accepts, refuses and reads what libxlutil does.
#include "oracle/compare.hpp"

#include <xenpp/config/pci_spec.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace {

using namespace xenpp::config;
using oracle::generator;

std::string make_pci(generator& from) {
    constexpr std::string_view begins[] = {"0000:03:00.0", "03:1f.7", "3:0.*",
                                           "bdf=00:1f.0",  "name=a",  "ffff:ff:1f.*",
                                           "10000:1:2.3",  "00:20.0", "00:1f.8"};
    constexpr std::string_view slots[] = {"", "", "", "@5", "@1f", "@20", "@0x5", "@"};
    constexpr std::string_view fields[] = {",permissive=1",
                                           ",seize=0",
                                           ",power_mgmt=1",
                                           ",msitranslate=1",
                                           ",vslot=5",
                                           ",vslot=1g",
                                           ",name=x",
                                           ",bdf=1:1.1",
                                           ",foo=1",
                                           ",rdm_policy=strict",
                                           ",seize=-1",
                                           ",permissive=2",
                                           ",rdm_policy=relaxed",
                                           ",rdm_policy=x",
                                           ",seize",
                                           ",",
                                           ",vslot=",
                                           ",permissive= 1"};
    std::string out(from.pick(begins));
    out += from.pick(slots);
    for (std::size_t n = from.below(4); n > 0; --n) {
        out += from.pick(fields);
    }
    return from.chance(2) ? out : from.damage(out, 3, "0123456789abcdefx:.*@,= +-g");
}

/// libxlutil reads a variable that was never set: any answer is as good as another, or none.
bool is_undefined_there(std::string const& text) {
    auto const p = parse_pci_spec(text, dialect::exact);
    return !p && p.error().reason.find("undefined") != std::string::npos;
}

std::string their_pci(std::string const& text) {
    if (is_undefined_there(text)) {
        return "undefined";
    }
    libxl_device_pci d;
    libxl_device_pci_init(&d);
    auto const c = oracle::make_config();
    std::string out = "refused";
    if (xlu_pci_parse_spec_string(c.get(), &d, text.c_str()) == 0) {
        bool const has_all = d.vfunc_mask == LIBXL_PCI_FUNC_ALL;
        out = fmt::format("{:x}:{:x}:{:x}.{:x}{} slot {} {}{}{}{} rdm {} name {}", d.domain,
                          unsigned{d.bus}, unsigned{d.dev}, unsigned{d.func}, has_all ? "*" : "",
                          d.vdevfn >> 3, int{d.permissive}, int{d.msitranslate}, int{d.seize},
                          int{d.power_mgmt}, static_cast<int>(d.rdm_policy),
                          d.name == nullptr ? "" : d.name);
    }
    libxl_device_pci_dispose(&d);
    return out;
}

std::string our_pci(std::string const& text) {
    auto const p = parse_pci_spec(text, dialect::exact);
    if (!p) {
        return is_undefined_there(text) ? "undefined" : "refused";
    }
    auto const as_int = [](std::optional<bool> b) { return b.value_or(false) ? 1 : 0; };
    return fmt::format("{:x}:{:x}:{:x}.{:x}{} slot {} {}{}{}{} rdm {} name {}", p->domain, p->bus,
                       p->device, p->function, p->has_all_functions ? "*" : "",
                       p->vslot.value_or(0), as_int(p->permissive), as_int(p->msitranslate),
                       as_int(p->seize), as_int(p->power_mgmt),
                       p->rdm_policy ? static_cast<int>(*p->rdm_policy) : -1, p->name);
}

std::string make_rdm(generator& from) {
    constexpr std::string_view fields[] = {"strategy=host", "policy=strict", "policy=relaxed",
                                           "policy=x",      "policy=",       "strategy=x",
                                           "foo=1",         "policy",        ""};
    std::string out(from.pick(fields));
    for (std::size_t n = from.below(3); n > 0; --n) {
        out += "," + std::string(from.pick(fields));
    }
    return from.chance(2) ? out : from.damage(out, 2, "=, hostpolicy");
}

std::string their_rdm(std::string const& text) {
    libxl_rdm_reserve r;
    libxl_rdm_reserve_init(&r);
    auto const c = oracle::make_config();
    return xlu_rdm_parse(c.get(), &r, text.c_str()) == 0
               ? fmt::format("{} {}", static_cast<int>(r.strategy), static_cast<int>(r.policy))
               : "refused";
}

std::string our_rdm(std::string const& text) {
    auto const r = parse_rdm_spec(text, dialect::exact);
    return r ? fmt::format("{} {}", r->is_host ? 1 : 0,
                           r->policy ? static_cast<int>(*r->policy) : -1)
             : "refused";
}

} // namespace

TEST_CASE("oracle.pci_devices_are_read_as_libxlutil_reads_them") {
    oracle::compare(make_pci, their_pci, our_pci);
}

TEST_CASE("oracle.rdm_is_read_as_libxlutil_reads_it") {
    oracle::compare(make_rdm, their_rdm, our_rdm);
}
