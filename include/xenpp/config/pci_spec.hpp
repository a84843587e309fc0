// SPDX-License-Identifier: Apache-2.0
// PCI_SPEC: one host PCI device for a guest, as the key `pci` and the pci commands write it.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/dialect.hpp>
#include <xenpp/config/value_error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::config {

/// What becomes of a guest whose memory collides with a region that a device reserves. The numbers
/// are libxl's.
enum class rdm_policy : std::uint8_t {
    strict,  ///< it is not created
    relaxed, ///< it is, with a warning
};

/// A device by its address, or by the name that it was given when it was made assignable.
struct pci_spec {
    std::string name; ///< empty: by address
    std::uint16_t domain = 0;
    std::uint8_t bus = 0;
    std::uint8_t device = 0;           ///< below 32
    std::uint8_t function = 0;         ///< below 8
    bool has_all_functions = false;    ///< `*`
    std::optional<std::uint8_t> vslot; ///< the guest's slot, below 32
    std::optional<bool> permissive;    ///< each absent: the domain's default
    std::optional<bool> msitranslate;
    std::optional<bool> seize;
    std::optional<bool> power_mgmt;
    std::optional<config::rdm_policy> rdm_policy;

    friend bool operator==(pci_spec const&, pci_spec const&) = default;
};

/// Reads "[DDDD:]BB:SS.F[@VSLOT][,KEY=VALUE]...", or "bdf=..." or "name=..." in its place. As in
/// Xen VSLOT is hexadecimal; the documented dialect takes the manual's own example, 20, for
/// decimal, since no slot is 0x20.
expected<pci_spec, value_error> parse_pci_spec(std::string_view text,
                                               dialect d = dialect::documented);

/// A text that gives an equal device in every dialect.
std::string print(pci_spec const& p);

/// How regions of memory that the host's devices reserve are kept free of guest memory: the key
/// `rdm`.
struct rdm_spec {
    bool is_host = false; ///< strategy=host: of all the host's devices, not of the guest's alone
    std::optional<rdm_policy> policy;

    friend bool operator==(rdm_spec const&, rdm_spec const&) = default;
};

/// Reads "strategy=host,policy=strict". Exactly as in Xen 4.17, a right policy is refused and a
/// wrong one passed over.
expected<rdm_spec, value_error> parse_rdm_spec(std::string_view text,
                                               dialect d = dialect::documented);

std::string print(rdm_spec const& r);

} // namespace xenpp::config
