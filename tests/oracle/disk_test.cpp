// SPDX-License-Identifier: Apache-2.0
// Generated disks: our exact dialect accepts, refuses and reads what libxlutil does.
#include "oracle/compare.hpp"

#include <xenpp/config/disk_spec.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace xenpp;
using oracle::generator;

std::string make_disk(generator& from) {
    constexpr std::string_view targets[] = {
        "/dev/vg/a", "/img/a b", "",         "phy:/dev/sdb", "tap:aio:/a", "tap2:qcow:/x",
        "file:/a",   "raw:/a",   "qcow2:/a", "vhd:/b",       "iscsi:x",    "nbd:x",
        "nbd://h/x", "a+b://h",  "drbd:y",   "enbd:z",       "ioemu:/a"};
    constexpr std::string_view formats[] = {"raw", "qcow2", "qcow", "vhd", "qed",
                                            "",    "empty", "vmdk", "vhdx"};
    constexpr std::string_view vdevs[] = {"xvda",      "hda",   "sda1", "hdc:cdrom",
                                          "xvdb:disk", "51712", "d0p1", ""};
    constexpr std::string_view accesses[] = {"w", "r", "ro", "rw", "", "x"};
    constexpr std::string_view options[] = {"format=raw",
                                            "format=qcow2",
                                            "format=",
                                            "format=x",
                                            "vdev=xvda",
                                            "vdev=hdc",
                                            "vdev=",
                                            "access=ro",
                                            "access=w",
                                            "access=x",
                                            "devtype=cdrom",
                                            "devtype=disk",
                                            "cdrom",
                                            "backend=net",
                                            "backendtype=phy",
                                            "backendtype=qdisk",
                                            "backendtype=tap",
                                            "backendtype=x",
                                            "script=block-x",
                                            "script=/x/y",
                                            "direct-io-safe",
                                            "discard",
                                            "no-discard",
                                            "foo=1",
                                            "foo",
                                            "format=vdi",
                                            "specification=xen",
                                            "specification=virtio",
                                            "specification=",
                                            "colo",
                                            "no-colo",
                                            "colo-host=h",
                                            "colo-port=7",
                                            "colo-port=0x1",
                                            "colo-export=e",
                                            "active-disk=/a",
                                            "hidden-disk="};
    std::string out;
    auto const add = [&](std::string_view field) {
        out += out.empty() ? "" : from.chance(3) ? ", " : ",";
        out += field;
    };
    bool const is_positional = from.chance(2);
    if (is_positional) {
        add(from.pick(targets));
        out += ",";
        out += from.pick(formats);
        out += ",";
        out += from.pick(vdevs);
        if (from.chance(2)) {
            out += ",";
            out += from.pick(accesses);
        }
    }
    for (std::size_t n = from.below(4); n > 0; --n) {
        add(from.pick(options));
    }
    if (!is_positional) {
        add("vdev=xvda");
        if (!from.chance(4)) {
            add("target=/t,a b");
        }
    }
    if (from.chance(20)) {
        out += "=";
    }
    return from.chance(3) ? from.damage(out, 2, "a:=,/ \t\nrwxq1-") : out;
}

/// libxlutil ends the process of its user.
bool is_fatal_there(std::string const& text) {
    return text.find("=\n") != std::string::npos;
}

std::string_view word(char const* s) {
    return s == nullptr ? "" : s;
}

int number(libxl_defbool b) {
    return libxl_defbool_is_default(b) ? -1 : libxl_defbool_val(b) ? 1 : 0;
}

int number(std::optional<bool> b) {
    return !b ? -1 : *b ? 1 : 0;
}

int format_number(dev::disk_format f) {
    switch (f) {
    case dev::disk_format::raw: return LIBXL_DISK_FORMAT_RAW;
    case dev::disk_format::qcow: return LIBXL_DISK_FORMAT_QCOW;
    case dev::disk_format::qcow2: return LIBXL_DISK_FORMAT_QCOW2;
    case dev::disk_format::vhd: return LIBXL_DISK_FORMAT_VHD;
    case dev::disk_format::qed: return LIBXL_DISK_FORMAT_QED;
    case dev::disk_format::empty: return LIBXL_DISK_FORMAT_EMPTY;
    default: return -1;
    }
}

int backend_number(dev::disk_backend_type t) {
    switch (t) {
    case dev::disk_backend_type::automatic: return LIBXL_DISK_BACKEND_UNKNOWN;
    case dev::disk_backend_type::phy: return LIBXL_DISK_BACKEND_PHY;
    case dev::disk_backend_type::tap: return LIBXL_DISK_BACKEND_TAP;
    case dev::disk_backend_type::qdisk: return LIBXL_DISK_BACKEND_QDISK;
    case dev::disk_backend_type::standalone: return LIBXL_DISK_BACKEND_STANDALONE;
    case dev::disk_backend_type::xenpp: break; // not in the exact dialect
    }
    return -1;
}

constexpr std::string_view layout =
    "target {} format {} vdev {} write {} cdrom {} backend {} type {} script {} direct {} "
    "discard {} specification {} colo {} {} {} {} {} {}";

std::string our_disk(std::string const& text) {
    auto const parsed = config::parse_disk_spec(text, config::dialect::exact);
    if (!parsed) {
        return "refused";
    }
    auto const& d = parsed->disk;
    auto const& colo = parsed->colo;
    return fmt::format(layout, d.target, format_number(d.format), d.vdev, !d.is_read_only,
                       d.is_cdrom, d.backend_domain, backend_number(d.backend_type), d.script,
                       d.direct_io_safe, number(d.discard), number(parsed->is_virtio),
                       number(colo.is_on), colo.host, colo.port, colo.export_name, colo.active_disk,
                       colo.hidden_disk);
}

std::string their_disk(std::string const& text) {
    if (is_fatal_there(text)) {
        return our_disk(text);
    }
    libxl_device_disk d;
    libxl_device_disk_init(&d);
    auto const c = oracle::make_config();
    char const* const spec = text.c_str();
    std::string out = "refused";
    if (xlu_disk_parse(c.get(), 1, &spec, &d) == 0) {
        int const specification = d.specification == LIBXL_DISK_SPECIFICATION_UNKNOWN  ? -1
                                  : d.specification == LIBXL_DISK_SPECIFICATION_VIRTIO ? 1
                                                                                       : 0;
        out = fmt::format(layout, word(d.pdev_path), static_cast<int>(d.format), word(d.vdev),
                          d.readwrite != 0, d.is_cdrom != 0, word(d.backend_domname),
                          static_cast<int>(d.backend), word(d.script), d.direct_io_safe,
                          number(d.discard_enable), specification, number(d.colo_enable),
                          word(d.colo_host), d.colo_port, word(d.colo_export), word(d.active_disk),
                          word(d.hidden_disk));
    }
    libxl_device_disk_dispose(&d);
    return out;
}

} // namespace

TEST_CASE("oracle.disks_are_read_as_libxlutil_reads_them") {
    oracle::compare(make_disk, their_disk, our_disk);
}
