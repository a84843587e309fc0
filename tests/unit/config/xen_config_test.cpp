// SPDX-License-Identifier: Apache-2.0
// xen.cfg is read as Xen's loader reads it, and its options describe the machine.
#include <xenpp/config/xen_config.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

namespace {

constexpr std::string_view sample = "# boot\n"
                                    "[global]\n"
                                    "default=big\n"
                                    "video=gfx-800\n"
                                    "kernel=nowhere\n"
                                    "[small]\n"
                                    "options=mem=1G\n"
                                    "kernel=a x=1 # with an argument\n"
                                    "[big]\n"
                                    "; more\n"
                                    "options=mem=4G maxcpus=4\n"
                                    "kernel=vmlinuz ro\n"
                                    "ramdisk=initrd\n"
                                    "[big]\n"
                                    "xsm=never\n";

} // namespace

TEST_CASE("xen_config.the_default_section_is_taken") {
    auto const b = parse_xen_config(sample, "xen.cfg");
    REQUIRE(b.has_value());
    CHECK(b->section == "big");
    CHECK(b->options == "mem=4G maxcpus=4");
    CHECK(b->kernel == "vmlinuz ro");
    CHECK(b->ramdisk == "initrd");
    CHECK(b->video == "gfx-800");
    CHECK(b->xsm.empty()); // only the first section of a name counts
    CHECK(b->warnings.message().find("`kernel` has no effect in [global]") != std::string::npos);
}

TEST_CASE("xen_config.a_section_can_be_named") {
    auto const b = parse_xen_config(sample, "xen.cfg", "small");
    REQUIRE(b.has_value());
    CHECK(b->options == "mem=1G");
    CHECK(b->kernel == "a x=1");
    auto const none = parse_xen_config(sample, "xen.cfg", "tiny");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message().find("there are: small, big") != std::string::npos);
}

TEST_CASE("xen_config.without_sections_the_first_of_each_key_holds") {
    auto const b = parse_xen_config("[a]\noptions=1\n[b]\noptions=2\nkernel=k\n", "t");
    REQUIRE(b.has_value());
    CHECK(b->options == "1");
    CHECK(b->kernel == "k");
}

TEST_CASE("xen_config.the_exact_dialect_has_the_loaders_habits") {
    auto const text = "options=a\tb\nkernel = k\nramdisk=r \nxsm=x";
    auto const exact = parse_xen_config(text, "t", {}, dialect::exact);
    REQUIRE(exact.has_value());
    CHECK(exact->options == "a"); // a tab ends the line
    CHECK(exact->kernel.empty()); // a blank before `=` belongs to the key
    CHECK(exact->ramdisk == "r ");
    CHECK(exact->xsm.empty()); // no newline, no line
    auto const documented = parse_xen_config(text, "t");
    REQUIRE(documented.has_value());
    CHECK(documented->options == "a\tb");
    CHECK(documented->kernel == "k");
    CHECK(documented->ramdisk == "r");
    CHECK(documented->xsm == "x");
}

TEST_CASE("xen_config.carriage_returns_at_the_end_of_a_line_are_no_part_of_a_value") {
    auto const b = parse_xen_config("[global]\r\ndefault=x\r\r\n[x]\r\nkernel=k \r\r\n", "t");
    REQUIRE(b.has_value());
    CHECK(b->kernel == "k");
    CHECK(b->warnings.items.empty());
}

TEST_CASE("xen_config.what_is_unknown_is_reported") {
    auto const b = parse_xen_config("kernal=k\nnonsense\n", "t");
    REQUIRE(b.has_value());
    CHECK(b->warnings.message().find("did you mean `kernel`?") != std::string::npos);
    CHECK(b->warnings.items.size() == 2);
}

TEST_CASE("xen_config.printing_comes_back") {
    auto const b = parse_xen_config(sample, "xen.cfg");
    REQUIRE(b.has_value());
    auto const again = parse_xen_config(print(*b), "t");
    REQUIRE(again.has_value());
    CHECK(static_cast<xen_boot const&>(*again) == static_cast<xen_boot const&>(*b));
    CHECK(again->warnings.items.empty());
}

TEST_CASE("xen_options.describe_the_machine") {
    auto const o = parse_xen_options("mem=2G maxcpus=3 guest_loglvl=all console=com1 sched=null");
    REQUIRE(o.has_value());
    CHECK(o->memory_mib == 2048);
    CHECK(o->cpus == 3U);
    CHECK(o->findings.empty());
    CHECK(parse_xen_options("mem=524288")->memory_mib == 512);
    CHECK(parse_xen_options("mem=700m")->memory_mib == 700);
}

TEST_CASE("xen_options.what_has_no_effect_is_said") {
    auto const o = parse_xen_options("dom0_mem=1G,max:1G loglvl=none nosuch guest_logvl=all");
    REQUIRE(o.has_value());
    REQUIRE(o->findings.size() == 4);
    CHECK(o->findings[0].find("domain 0") != std::string::npos);
    CHECK(o->findings[3].find("did you mean guest_loglvl?") != std::string::npos);
    CHECK(parse_xen_options("sched=rtds")->findings.size() == 1);
    CHECK_FALSE(parse_xen_options("mem=lots").has_value());
    CHECK_FALSE(parse_xen_options("maxcpus=0").has_value());
    CHECK_FALSE(parse_xen_options("mem=99999999999999999999G").has_value());
}
