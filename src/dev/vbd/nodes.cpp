// SPDX-License-Identifier: Apache-2.0
// A disk's nodes. Names and values are those of Xen's tools and of io/blkif.h.
#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/abi/io/protocols.hpp>
#include <xenpp/dev/vbd/nodes.hpp>
#include <xenpp/dev/vbd/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

namespace xenpp::dev {

namespace {

constexpr std::array all_formats{
    disk_format::raw,   disk_format::qcow, disk_format::qcow2, disk_format::vhd,  disk_format::qed,
    disk_format::empty, disk_format::vmdk, disk_format::vdi,   disk_format::vhdx,
};

std::string flag(bool is_set) {
    return is_set ? "1" : "0";
}

result<std::uint64_t>
need_number(store::node_access const& s, std::string const& path, std::uint64_t most) {
    auto const n = XENPP_TRY(read_number(s, path));
    if (!n) {
        return fail("connect disk", EINVAL, path + " is missing, or is no number");
    }
    if (*n > most) {
        return fail("connect disk", EINVAL,
                    fmt::format("{} is {}, and at most {} may be", path, *n, most));
    }
    return *n;
}

result<std::uint64_t> number_or(store::node_access const& s,
                                std::string const& path,
                                std::uint64_t otherwise,
                                std::uint64_t most) {
    if (!XENPP_TRY(s.exists(path))) {
        return otherwise;
    }
    return need_number(s, path, most);
}

/// A ring in one directory: the frontend's own, or one of a queue's.
result<vbd_ring> read_ring(store::node_access const& s,
                           std::string const& directory,
                           std::optional<std::uint64_t> order) {
    vbd_ring r;
    if (!order) {
        auto const ref = XENPP_TRY(need_number(s, directory + "/ring-ref", UINT32_MAX));
        r.pages.emplace_back(static_cast<std::uint32_t>(ref));
    } else {
        for (std::uint64_t i = 0; i != std::uint64_t{1} << *order; ++i) {
            auto const path = fmt::format("{}/ring-ref{}", directory, i);
            r.pages.emplace_back(
                static_cast<std::uint32_t>(XENPP_TRY(need_number(s, path, UINT32_MAX))));
        }
    }
    auto const port = XENPP_TRY(need_number(s, directory + "/event-channel", UINT32_MAX));
    r.port = evtchn_port(static_cast<std::uint32_t>(port));
    return r;
}

/// A node of a backend's directory; empty if it is not there.
result<void> read_text(store::node_access const& s,
                       device_address const& a,
                       std::string_view name,
                       std::string& into) {
    if (auto value = XENPP_TRY(read_node(s, fmt::format("{}/{}", backend_path(a), name)))) {
        into = *std::move(value);
    }
    return {};
}

} // namespace

result<new_device> new_vbd(vbd_config const& c, domid d) {
    auto const number = parse_vdev(c.vdev);
    if (!number) {
        return fail(
            "attach disk", EINVAL,
            fmt::format("\"{}\" names no virtual disk; write xvda, sda, hda, d0 or a number",
                        c.vdev));
    }
    bool const is_raw = c.format == disk_format::raw;
    new_device n{{"vbd", d, *number}, {}, {}};
    n.frontend = {
        {"virtual-device", std::to_string(*number)},
        {"device-type", c.is_cdrom ? "cdrom" : "disk"},
    };
    n.backend = {
        {"params", is_raw ? c.target : fmt::format("{}:{}", to_string(c.format), c.target)},
        {"type", is_raw ? "phy" : "qdisk"},
        {"dev", c.vdev},
        {"mode", c.is_read_only ? "r" : "w"},
        {"device-type", c.is_cdrom ? "cdrom" : "disk"},
        {"removable", flag(c.is_cdrom)},
        {"bootable", "1"},
        {"direct-io-safe", flag(c.direct_io_safe)},
    };
    if (c.discard) {
        n.backend.emplace_back("discard-enable", flag(*c.discard));
    }
    return n;
}

result<vbd_config> read_vbd_config(store::node_access const& s, device_address const& a) {
    vbd_config c;
    std::string type;
    std::string mode;
    std::string device_type;
    std::string direct;
    std::string discard;
    XENPP_TRY(read_text(s, a, "params", c.target));
    XENPP_TRY(read_text(s, a, "type", type));
    XENPP_TRY(read_text(s, a, "dev", c.vdev));
    XENPP_TRY(read_text(s, a, "mode", mode));
    XENPP_TRY(read_text(s, a, "device-type", device_type));
    XENPP_TRY(read_text(s, a, "direct-io-safe", direct));
    XENPP_TRY(read_text(s, a, "discard-enable", discard));
    if (type == "qdisk") {
        auto const colon = c.target.find(':');
        auto const word = c.target.substr(0, colon);
        auto const format =
            std::ranges::find_if(all_formats, [&](disk_format f) { return to_string(f) == word; });
        if (colon == std::string::npos || format == all_formats.end()) {
            return fail("open disk image", EINVAL, "params say " + c.target);
        }
        c.format = *format;
        c.target.erase(0, colon + 1);
    }
    c.is_read_only = mode != "w";
    c.is_cdrom = device_type == "cdrom";
    c.direct_io_safe = direct == "1";
    if (!discard.empty()) {
        c.discard = discard == "1";
    }
    return c;
}

node_list vbd_features(image_info const& image) {
    node_list out{
        {"feature-persistent", "1"},
        {"feature-flush-cache", flag(image.can_flush)},
        {"feature-discard", flag(image.can_discard)},
        {"feature-max-indirect-segments", std::to_string(vbd_max_indirect_segments)},
        {"max-ring-page-order", std::to_string(vbd_max_ring_order)},
        {"multi-queue-max-queues", std::to_string(vbd_max_queues)},
    };
    if (image.can_discard) {
        out.emplace_back("discard-granularity", std::to_string(image.discard_granularity));
        out.emplace_back("discard-alignment", "0");
        out.emplace_back("discard-secure", "0");
    }
    return out;
}

node_list vbd_properties(vbd_config const& c, image_info const& image) {
    auto const info = (c.is_cdrom ? abi::vdisk_cdrom | abi::vdisk_removable : 0U) |
                      (image.is_read_only ? abi::vdisk_readonly : 0U);
    return {
        {"sectors", std::to_string(image.size / vbd_sector_size)},
        {"sector-size", std::to_string(image.sector_size)},
        {"physical-sector-size", std::to_string(image.physical_size)},
        {"info", std::to_string(info)},
    };
}

result<vbd_frontend> read_vbd_frontend(store::node_access const& s, device_address const& a) {
    auto const base = frontend_path(a);
    auto const protocol = XENPP_TRY(read_node(s, base + "/protocol"));
    if (protocol && *protocol != abi::io_proto_abi_x86_64) {
        return fail("connect disk", EINVAL,
                    fmt::format("the guest's rings are of the layout \"{}\"; only {} is supported",
                                *protocol, abi::io_proto_abi_x86_64));
    }
    vbd_frontend f;
    f.is_persistent = XENPP_TRY(number_or(s, base + "/feature-persistent", 0, UINT32_MAX)) != 0;
    std::optional<std::uint64_t> order;
    if (XENPP_TRY(s.exists(base + "/ring-page-order"))) {
        order = XENPP_TRY(need_number(s, base + "/ring-page-order", vbd_max_ring_order));
    }
    auto const queues =
        XENPP_TRY(number_or(s, base + "/multi-queue-num-queues", 1, vbd_max_queues));
    if (queues == 0) {
        return fail("connect disk", EINVAL, base + "/multi-queue-num-queues is 0");
    }
    for (std::uint64_t q = 0; q != queues; ++q) {
        auto const directory = queues == 1 ? base : fmt::format("{}/queue-{}", base, q);
        f.rings.push_back(XENPP_TRY(read_ring(s, directory, order)));
    }
    return f;
}

} // namespace xenpp::dev
