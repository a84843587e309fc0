// SPDX-License-Identifier: Apache-2.0
// The network spec: one entry of `vif = [...]`, or the arguments of `xl network-attach`.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/dialect.hpp>
#include <xenpp/dev/vif/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// Something about a spec, and at which byte.
using vif_spec_note = dev::text_note;

/// A spec that can be used, with what is to be said of it.
struct parsed_vif {
    dev::vif_config config;
    std::vector<vif_spec_note> warnings;
};

/// Reads "mac=00:16:3e:01:02:03,bridge=xenbr0,rate=10Mb/s": Xen's keys, and ours, `network`,
/// `switch` and `forward`. Every part may be missing. An error says what is wrong with the part it
/// points at, and what would be right.
expected<parsed_vif, vif_spec_note> parse_vif(std::string_view text);

/// The spec of an interface; reading it again gives the same.
std::string print(dev::vif_config const& vif);

/// Reads a rate: `N[G|M|K](B|b)/s[@N[m|u][s]]`, decimal multiples, `b` for bits, an interval of
/// 50 ms if none is given, of seconds if it has no unit. Numbers are C's: "010" is eight. In the
/// exact dialect a rate may come to nothing, as in Xen 4.17.
expected<dev::vif_rate, vif_spec_note> parse_vif_rate(std::string_view text,
                                                      dialect d = dialect::documented);

} // namespace xenpp::config
