// SPDX-License-Identifier: Apache-2.0
// Reading xl.conf.
#include "cli/xl/defaults.hpp"

#include <xenpp/config/xen_config.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace xenpp::cli::xl {

void print_findings(session& s, config::diagnostics const& found) {
    if (auto text = found.message(); !text.empty()) {
        text.pop_back(); // `complain` ends the line
        s.complain(text);
    }
}

/// xl.conf; its defaults where there is none.
result<config::xl_config> load_defaults(session& s, bool is_quiet) {
    auto const xl_conf = config::config_dir() + "/xl.conf";
    if (access(xl_conf.c_str(), F_OK) != 0) {
        return config::xl_config();
    }
    auto const loaded = config::load_xl_config(xl_conf);
    if (!loaded) {
        print_findings(s, loaded.error());
        return refuse(fmt::format("Failed to parse config file: {}", xl_conf));
    }
    if (!is_quiet) {
        print_findings(s, loaded->warnings);
    }
    return config::xl_config(*loaded);
}

void apply_vif_defaults(dev::vif_config& vif, config::xl_config const& defaults) {
    dev::settle_network(vif, defaults.vif_bridge);
    if (vif.network == dev::vif_network::bridge) {
        vif.script = vif.script.empty() ? defaults.vif_script : vif.script;
        vif.gatewaydev = vif.gatewaydev.empty() ? defaults.vif_gatewaydev : vif.gatewaydev;
    }
}

} // namespace xenpp::cli::xl
