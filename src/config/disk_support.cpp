// SPDX-License-Identifier: Apache-2.0
// Which disks can be had, and how they are written.
#include <xenpp/config/disk_spec.hpp>

#include <fmt/format.h>

namespace xenpp::config {

using dev::disk_backend_type;
using dev::vbd_config;

std::string check_supported(vbd_config const& d) {
    if (!dev::parse_vdev(d.vdev)) {
        return fmt::format("\"{}\" names no virtual disk; write xvda, sda, hda, d0 or a number",
                           d.vdev);
    }
    if (d.target.find('\n') != std::string::npos) {
        return "a target holds no line end";
    }
    if (!d.backend_domain.empty() && d.backend_domain != "0" && d.backend_domain != "Domain-0") {
        return fmt::format("disks are served by domain 0 alone, not by \"{}\" yet",
                           d.backend_domain);
    }
    if (!d.script.empty()) {
        return fmt::format("the hotplug script {} is not run yet; name the device itself, or an "
                           "NBD URI, as the target",
                           d.script);
    }
    if (d.backend_type == disk_backend_type::standalone) {
        return "backendtype=standalone, a backend of your own, is not supported yet";
    }
    return {};
}

std::string check_supported(disk_spec const& spec) {
    auto const& colo = spec.colo;
    if (colo.is_on.value_or(false) || colo.port != 0 || !colo.host.empty() ||
        !colo.export_name.empty() || !colo.active_disk.empty() || !colo.hidden_disk.empty()) {
        return "COLO is not supported";
    }
    if (spec.is_virtio.value_or(false)) {
        return "disks of virtio's specification are not supported";
    }
    return check_supported(spec.disk);
}

std::string print(vbd_config const& d) {
    std::string out;
    auto const add = [&out](std::string_view text) {
        out += fmt::format("{}{}", out.empty() ? "" : ",", text);
    };
    add(fmt::format("format={}", to_string(d.format)));
    add(fmt::format("vdev={}", d.vdev));
    add(d.is_read_only ? "access=ro" : "access=rw");
    if (d.is_cdrom) {
        add("devtype=cdrom");
    }
    if (!d.backend_domain.empty()) {
        add(fmt::format("backend={}", d.backend_domain));
    }
    if (d.backend_type != disk_backend_type::automatic) {
        add(fmt::format("backendtype={}", to_string(d.backend_type)));
    }
    if (!d.script.empty()) {
        add(fmt::format("script={}", d.script));
    }
    if (d.direct_io_safe) {
        add("direct-io-safe");
    }
    if (d.discard) {
        add(*d.discard ? "discard" : "no-discard");
    }
    if (!d.target.empty() || !d.is_cdrom) {
        // The reader takes one comma off its end.
        add(fmt::format("target={}{}", d.target, d.target.ends_with(',') ? "," : ""));
    }
    return out;
}

} // namespace xenpp::config
