// SPDX-License-Identifier: Apache-2.0
// Disk specifications: what they mean, what is wrong with them, and where.
#include <xenpp/config/disk_spec.hpp>

#include <string>

using namespace xenpp;
using config::parse_disk_spec;
using dev::disk_format;

namespace {

/// A disk in one line: target|format|vdev|access and what else is not as by default.
std::string spell(std::string_view text) {
    auto const spec = parse_disk_spec(text);
    if (!spec) {
        return "error at " + std::to_string(spec.error().offset) + ": " + spec.error().reason;
    }
    auto const& d = spec->disk;
    auto out = d.target + "|" + std::string(to_string(d.format)) + "|" + d.vdev + "|" +
               (d.is_read_only ? "r" : "w");
    out += d.is_cdrom ? "|cdrom" : "";
    out += d.backend_domain.empty() ? "" : "|backend " + d.backend_domain;
    out += d.script.empty() ? "" : "|script " + d.script;
    out += d.direct_io_safe ? "|direct" : "";
    out += !d.discard ? "" : *d.discard ? "|discard" : "|no-discard";
    out += spec->warnings.empty() ? "" : "|warned";
    return out;
}

} // namespace

TEST_CASE("disk_spec.means_what_xl_takes_it_for") {
    // clang-format off
    CHECK(spell("/dev/vg/root,raw,xvda,w") == "/dev/vg/root|raw|xvda|w");
    CHECK(spell("/a.qcow2,qcow2,xvdb,ro") == "/a.qcow2|qcow2|xvdb|r");
    CHECK(spell("/a,,xvda") == "/a|raw|xvda|w");
    CHECK(spell("format=vmdk, vdev=sda, access=rw, target=/a,b c=d") == "/a,b c=d|vmdk|sda|w");
    CHECK(spell("vdev=hdc,devtype=cdrom,target=/cd.iso") == "/cd.iso|raw|hdc|r|cdrom");
    CHECK(spell(",raw,hdc:cdrom,r") == "|empty|hdc|r|cdrom|warned");
    CHECK(spell(",hdc:cdrom,r") == "|empty|hdc|r|cdrom|warned");
    CHECK(spell("tap:aio:qcow2:/x,xvda") == "/x|qcow2|xvda|w|warned");
    CHECK(spell("phy:/dev/x,xvda,r") == "/dev/x|raw|xvda|r|warned");
    CHECK(spell("iscsi:iqn,xvda,w") == "iqn|raw|xvda|w|script block-iscsi|warned");
    CHECK(spell("/a,raw,xvda,w,direct-io-safe,no-discard,backend=dom7") == "/a|raw|xvda|w|backend dom7|direct|no-discard");
    CHECK(spell("/a,raw,xvda,w,access=r") == "/a|raw|xvda|r|warned");
    CHECK(spell("nbd://host/disk,raw,xvda,w") == "nbd://host/disk|raw|xvda|w");
    CHECK(spell("nbd+unix:///x?socket,raw,xvda") == "nbd+unix:///x?socket|raw|xvda|w");
    // clang-format on
}

TEST_CASE("disk_spec.says_which_part_is_wrong") {
    // clang-format off
    CHECK(spell("/a,raw,xvda,x") == "error at 12: \"x\" is no value of access");
    CHECK(spell("/a,qcow3,xvda") == "error at 3: \"qcow3\" is no value of format");
    CHECK(spell("/a,raw") == "error at 6: the disk has no vdev");
    CHECK(spell("vdev=xvda") == "error at 9: the disk has no target");
    CHECK(spell("/a,raw,xvda,w,more") == "error at 14: \"more\" is one parameter too many");
    CHECK(spell("/a,raw,xvda,size=7") == "error at 12: `size` is no parameter of a disk");
    CHECK(spell("/a=b,raw,xvda") == "error at 2: a value by position holds no `=`");
    CHECK(spell("/a,raw,xvda,vdev=xvdb") == "error at 12: vdev is given twice");
    CHECK(spell("/a,raw,xvda,format=qcow2") == "error at 12: format is given twice, and differs");
    CHECK(spell("/a,raw,xvda:floppy") == "error at 7: \"floppy\" is no value of devtype");
    CHECK(spell("file2:/a,raw,xvda") == "error at 0: `file2:` is no prefix");
    CHECK(spell("/a,raw,xvda,w,colo") == "error at 14: COLO is not supported");
    CHECK(spell("/a,raw,xvda,w,colo-port=7") == "error at 14: COLO is not supported");
    CHECK(spell("/a,raw,xvda,w,specification=virtio").find("virtio") != std::string::npos);
    CHECK(spell("") == "error at 0: the disk has no vdev");
    // clang-format on
}

TEST_CASE("disk_spec.a_target_that_took_the_rest_is_told_so") {
    CHECK(parse_disk_spec("target=/a,vdev=xvda").error().hint ==
          "target= takes all that follows it, commas too: write it last");
    CHECK(parse_disk_spec("/a,raw").error().hint == "add vdev=xvda, or another name");
}

TEST_CASE("disk_spec.what_cannot_be_had_is_named") {
    auto const why = [](std::string_view text) {
        return config::check_supported(parse_disk_spec(text).value().disk);
    };
    CHECK(why("/a,raw,xvda").empty());
    CHECK(why("/a,raw,floppy").find("floppy") != std::string::npos);
    CHECK(why("/a\nb,raw,xvda").find("line end") != std::string::npos);
    CHECK(why("/a,raw,xvda,backend=storage").find("storage") != std::string::npos);
    CHECK(why("/a,raw,xvda,script=block-iscsi").find("block-iscsi") != std::string::npos);
    CHECK(why("/a,raw,xvda,backendtype=standalone").find("standalone") != std::string::npos);
}

TEST_CASE("disk_spec.a_printed_disk_reads_as_the_same") {
    for (auto const* const text :
         {"/dev/vg/root,raw,xvda,w", "vdev=hdc,cdrom,target=/cd, with a comma.iso", ",hdc:cdrom,r",
          "vdev=xvda,target=", "vdev=xvda,target=/a,,",
          "/a,vhd,d2p1,r,direct-io-safe,discard,script=block-x,backend=7,backendtype=qdisk",
          "/a,raw,xvda,backendtype=xenpp"}) {
        auto const disk = parse_disk_spec(text).value().disk;
        INFO(config::print(disk));
        CHECK(parse_disk_spec(config::print(disk)).value().disk == disk);
    }
}

TEST_CASE("disk_spec.the_exact_dialect_reads_what_xl_reads") {
    auto const exact = [](std::string_view text) {
        return parse_disk_spec(text, config::dialect::exact);
    };
    CHECK(!exact("http://h/x,raw,xvda"));
    CHECK(exact("nbd://h/x,xvda")->disk.script == "block-nbd");
    CHECK(!exact("/a,vmdk,xvda"));
    CHECK(!exact("/a,raw,xvda,backendtype=xenpp"));
    CHECK(exact("/a,raw,xvda=")->disk.vdev == "xvda");
    CHECK(!exact("/a,raw,xvda=\n"));
    CHECK(exact("/a,raw,xvda,colo,colo-host=h,colo-port=7")->colo.port == 7);
    CHECK(exact("/a,raw,xvda,specification=virtio")->is_virtio == true);
    for (auto const* const text :
         {"/a,raw,xvda,colo", "/a,raw,xvda,hidden-disk=/b", "/a,raw,xvda,specification=virtio"}) {
        CHECK(config::check_supported(exact(text).value()).find("not supported") !=
              std::string::npos);
    }
    CHECK(config::check_supported(exact("/a,raw,xvda,no-colo,specification=xen").value()).empty());
}
