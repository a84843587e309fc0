// SPDX-License-Identifier: Apache-2.0
// xl info, to the blank.
#include <xenpp/cli/host_view.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace xenpp;
using namespace xenpp::cli;

host_row machine() {
    host_row h;
    h.node = "box";
    h.release = "6.1.0";
    h.version = "#1 SMP";
    h.machine = "x86_64";
    h.info.connection = "embedded";
    h.info.cpus = 2;
    h.info.max_cpu_id = 1;
    h.info.nodes = 1;
    h.info.cores_per_socket = 2;
    h.info.threads_per_core = 1;
    h.info.cpu_khz = 2'400'012;
    h.info.hw_cap = {0x178bfbff, 0xf6d8320b, 0, 1, 2, 3, 4, 5};
    h.info.capabilities.hvm = true;
    h.info.capabilities.hap = true;
    h.info.capabilities.gnttab_v1 = true;
    h.info.total_memory = pages(mib(4096));
    h.info.free_memory = pages(mib(3000));
    h.info.outstanding_claims = pages(mib(100));
    h.info.xen_major = 4;
    h.info.xen_minor = 17;
    h.info.xen_extra = ".7-xenpp";
    h.info.page_size = 4096;
    h.info.virt_start = 0xffff800000000000;
    return h;
}

table of(host_row const& h) {
    return tabulate("host", host_fields(), std::span<host_row const>(&h, 1));
}

} // namespace

TEST_CASE("host_view.info_has_xls_lines") {
    auto const h = machine();
    CHECK(to_lines(of(h)) == "host                   : box\n"
                             "release                : 6.1.0\n"
                             "version                : #1 SMP\n"
                             "machine                : x86_64\n"
                             "nr_cpus                : 2\n"
                             "max_cpu_id             : 1\n"
                             "nr_nodes               : 1\n"
                             "cores_per_socket       : 2\n"
                             "threads_per_core       : 1\n"
                             "cpu_mhz                : 2400.012\n"
                             "hw_caps                : 178bfbff:f6d8320b:00000000:00000001:"
                             "00000002:00000003:00000004:00000005\n"
                             "virt_caps              : hvm hap gnttab-v1\n"
                             "total_memory           : 4096\n"
                             "free_memory            : 2900\n"
                             "sharing_freed_memory   : 0\n"
                             "sharing_used_memory    : 0\n"
                             "outstanding_claims     : 100\n"
                             "free_cpus              : 0\n"
                             "xen_major              : 4\n"
                             "xen_minor              : 17\n"
                             "xen_extra              : .7-xenpp\n"
                             "xen_version            : 4.17.7-xenpp\n"
                             "xen_caps               : \n"
                             "xen_scheduler          : \n"
                             "xen_pagesize           : 4096\n"
                             "platform_params        : virt_start=0xffff800000000000\n"
                             "xen_changeset          : \n"
                             "xen_commandline        : \n"
                             "cc_compiler            : \n"
                             "cc_compile_by          : \n"
                             "cc_compile_domain      : \n"
                             "cc_compile_date        : \n"
                             "build_id               : \n"
                             "xend_config_format     : 4\n"
                             "xenpp_host             : embedded\n");
    CHECK(host_fields().size() == 35);
}

TEST_CASE("host_view.one_field_or_all_that_begin_so") {
    auto const h = machine();
    CHECK(field_values(of(h), "free_memory") == "2900\n");
    CHECK(field_values(of(h), "host") == "box\n");
    CHECK(field_values(of(h), "xen_m") == "4\n17\n");
    CHECK(field_values(of(h), "nothing").empty());
    CHECK(field_values(of(h), "").empty());
}

TEST_CASE("host_view.topology_stands_before_xen") {
    auto const h = machine();
    CHECK(host_fields()[first_xen_field()].info.name == "xen_major");
    std::vector<cpu_topology> const cpus{{0, 0, 0}, {1, 0, 0}};
    CHECK(topology_text(h.info, cpus) == "cpu_topology           :\n"
                                         "cpu:    core    socket     node\n"
                                         "  0:       0        0        0\n"
                                         "  1:       1        0        0\n"
                                         "device topology        :\n"
                                         "device           node\n"
                                         "No device topology data available\n"
                                         "numa_info              :\n"
                                         "node:    memsize    memfree    distances\n"
                                         "   0:      4096       3000      10\n");
}
