// SPDX-License-Identifier: Apache-2.0
// Any text as any structured value: no crash, and what was understood reads back as it was.
#include <xenpp/config/cpuid_policy.hpp>
#include <xenpp/config/device_specs.hpp>
#include <xenpp/config/disk_spec.hpp>
#include <xenpp/config/pci_spec.hpp>
#include <xenpp/config/vif_spec.hpp>
#include <xenpp/config/viridian.hpp>
#include <xenpp/config/vnuma.hpp>

#include <fakes/must.hpp>

#include <cstdint>
#include <string_view>

namespace {

using namespace xenpp::config;
using xenpp::fakes::must;

template <class Spec>
void check(std::string_view text) {
    Spec first;
    if (!parse_spec(text, first)) {
        return;
    }
    Spec second;
    auto const printed = print(first);
    if constexpr (std::is_same_v<decltype(printed), std::string const>) {
        must(parse_spec(printed, second).has_value());
    } else {
        for (auto const& part : printed) {
            must(parse_spec(part, second).has_value());
        }
    }
    must(first == second);
}

void check_pci(std::string_view text) {
    for (auto d : {dialect::exact, dialect::documented}) {
        auto const first = parse_pci_spec(text, d);
        if (first && first->name.find(',') == std::string::npos &&
            first->name.empty() == (text.find("name=") == std::string_view::npos)) {
            auto const second = parse_pci_spec(print(*first), d);
            must(second.has_value() && *second == *first);
        }
    }
    static_cast<void>(parse_rdm_spec(text, dialect::exact));
    if (auto const rdm = parse_rdm_spec(text)) {
        must(parse_rdm_spec(print(*rdm)).value() == *rdm);
    }
}

void check_disk(std::string_view text) {
    static_cast<void>(parse_disk_spec(text, dialect::exact));
    auto const first = parse_disk_spec(text);
    if (!first) {
        must(first.error().offset <= text.size());
    } else if (check_supported(*first).empty()) {
        auto const second = parse_disk_spec(print(first->disk));
        must(second.has_value() && second->disk == first->disk);
    }
}

void check_vif(std::string_view text) {
    static_cast<void>(parse_vif_rate(text));
    static_cast<void>(parse_vif_rate(text, dialect::exact));
    if (auto const first = parse_vif(text)) {
        auto const second = parse_vif(print(first->config));
        must(second.has_value() && second->config == first->config);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    check<usbctrl_spec>(text);
    check<usbdev_spec>(text);
    check<channel_spec>(text);
    check<vtpm_spec>(text);
    check<p9_spec>(text);
    check<pvcalls_spec>(text);
    check<vfb_spec>(text);
    check<vkb_spec>(text);
    check<vdispl_spec>(text);
    check<vsnd_spec>(text);
    check<ioport_range>(text);
    check<iomem_range>(text);
    check<irq_number>(text);
    check<vnuma_node>(text);
    check<viridian_set>(text);
    check<cpuid_leaf>(text);
    if (auto const cpuid = parse_cpuid(text)) {
        must(parse_cpuid(print(*cpuid)).value() == *cpuid);
    }
    check_pci(text);
    check_disk(text);
    check_vif(text);
    return 0;
}
