// SPDX-License-Identifier: Apache-2.0
// Network interfaces in libxl's JSON, for json.cpp.
#pragma once

#include <xenpp/config/domain_config.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace xenpp::config {

/// An interface as libxl shows it.
inline nlohmann::ordered_json nic_json(dev::vif_config const& v, std::size_t index) {
    nlohmann::ordered_json out;
    auto const put = [&out](char const* key, std::string const& text) {
        if (!text.empty()) {
            out[key] = text;
        }
    };
    out["devid"] = v.devid.value_or(static_cast<std::uint32_t>(index));
    if (v.mtu) {
        out["mtu"] = *v.mtu;
    }
    put("mac", v.mac ? to_string(*v.mac) : std::string());
    put("ip", v.ip);
    put("bridge", v.bridge);
    put("ifname", v.vifname);
    put("script", v.script);
    out["nictype"] = "vif";
    if (v.rate) {
        out["rate_bytes_per_interval"] = v.rate->bytes_per_interval;
        out["rate_interval_usecs"] = v.rate->interval_us;
    }
    put("gatewaydev", v.gatewaydev);
    if (!v.is_trusted) {
        out["trusted"] = "False";
    }
    return out;
}

/// An interface is kept as its specification too, under "vif": that is what is read back.
inline bool read_vifs(nlohmann::ordered_json const& own, domain_config& c) {
    auto const vifs = own.find("vif");
    if (vifs == own.end()) {
        return true;
    }
    for (auto const& item : *vifs) {
        auto spec = item.is_string() ? parse_vif(item.get<std::string>()) : parse_vif("=");
        if (!spec) {
            return false;
        }
        c.vifs.push_back(std::move(spec->config));
    }
    return true;
}

} // namespace xenpp::config
