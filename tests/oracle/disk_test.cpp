// SPDX-License-Identifier: Apache-2.0
// Generated disks and rates: our grammars accept, refuse and read what
// libxlutil does.
#include "oracle/compare.hpp"

#include <xenpp/config/disk_spec.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cerrno>

namespace {

using namespace xenpp;
using oracle::generator;

std::string make_disk(generator& from) {
    constexpr std::string_view targets[] = {"/dev/vg/a",  "/img/a b",     "",        "phy:/dev/sdb",
                                            "tap:aio:/a", "tap2:qcow:/x", "file:/a", "raw:/a",
                                            "qcow2:/a",   "vhd:/b",       "iscsi:x", "nbd:x",
                                            "drbd:y",     "enbd:z",       "ioemu:/a"};
    constexpr std::string_view formats[] = {"raw", "qcow2", "qcow", "vhd", "qed", "", "empty"};
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
                                            "foo"};
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
    return from.chance(3) ? from.damage(out, 2, "a:=,/ \trwxq1") : out;
}

std::string their_disk(std::string const& text) {
    libxl_device_disk d;
    libxl_device_disk_init(&d);
    auto const c = oracle::make_config();
    char const* const spec = text.c_str();
    std::string out = "refused";
    if (xlu_disk_parse(c.get(), 1, &spec, &d) == 0) {
        auto const word = [](char const* s) { return s == nullptr ? "" : s; };
        out = fmt::format("target {} format {} vdev {} write {} cdrom {} backend "
                          "{} type {} script {} direct {} discard {}",
                          word(d.pdev_path), static_cast<int>(d.format), word(d.vdev),
                          d.readwrite != 0, d.is_cdrom != 0, word(d.backend_domname),
                          static_cast<int>(d.backend), word(d.script), d.direct_io_safe,
                          libxl_defbool_is_default(d.discard_enable) ? -1
                          : libxl_defbool_val(d.discard_enable)      ? 1
                                                                     : 0);
    }
    libxl_device_disk_dispose(&d);
    return out;
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
    }
    return -1;
}

std::string our_disk(std::string const& text) {
    auto const parsed = config::parse_disk_spec(text);
    if (!parsed) {
        return "refused";
    }
    auto const& d = parsed->disk;
    return fmt::format("target {} format {} vdev {} write {} cdrom {} backend {} "
                       "type {} script {} direct {} discard {}",
                       d.target, format_number(d.format), d.vdev, !d.is_read_only, d.is_cdrom,
                       d.backend_domain, backend_number(d.backend_type), d.script, d.direct_io_safe,
                       d.discard ? (*d.discard ? 1 : 0) : -1);
}

} // namespace

TEST_CASE("oracle.disks_are_read_as_libxlutil_reads_them") {
    oracle::compare(make_disk, their_disk, our_disk);
}
