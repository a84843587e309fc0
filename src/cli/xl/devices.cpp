// SPDX-License-Identifier: Apache-2.0
// Devices of several domains, and their nodes as xl prints them.
#include "cli/xl/devices.hpp"

#include <algorithm>

namespace xenpp::cli::xl {

result<std::vector<device_info>>
devices_of(xenpp::host const& h, std::span<std::string const> domains, std::string_view kind) {
    std::vector<device_info> all;
    for (auto const& name : domains) {
        auto const some = XENPP_TRY(XENPP_TRY(find(h, name)).devices(kind));
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

std::string number_or_none(device_info const& d, std::string_view node) {
    auto const text = d.frontend_node(node);
    bool const is_number =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    return is_number ? text : "-1";
}

} // namespace xenpp::cli::xl
