// SPDX-License-Identifier: Apache-2.0
// xl list and xl vcpu-list, to the blank.
#include <xenpp/cli/domain_view.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace xenpp;
using namespace xenpp::cli;

domain_row guest() {
    domain_info d;
    d.id = domid(7);
    d.name = "web";
    d.uuid = *config::parse_uuid("01234567-89ab-cdef-0123-456789abcdef");
    d.is_hvm = true;
    d.is_blocked = true;
    d.memory = pages(mib(255));
    d.outstanding = pages(mib(1));
    d.max_memory = pages(mib(300));
    d.online_vcpus = 2;
    d.vcpus = 4;
    d.cpu_time_ns = 12'345'678'901;
    return {d, "0-1"};
}

std::string text(domain_columns const& columns, std::vector<domain_row> const& rows) {
    auto const layout = list_layout(columns);
    return to_text(tabulate("domain", domain_fields(), std::span<domain_row const>(rows)),
                   layout.layout());
}

} // namespace

TEST_CASE("domain_view.list_has_xls_columns") {
    auto dead = guest();
    dead.info.name.clear();
    dead.info.is_shut_down = true;
    dead.info.reason = shutdown_reason::crash;
    CHECK(text({}, {guest(), dead}) ==
          "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
          "web                                          7   256     2     -b----      12.3\n"
          "(null)                                       7   256     2     -b-sc-      12.3\n");
}

TEST_CASE("domain_view.list_has_xls_further_columns") {
    CHECK(text({.is_verbose = true, .has_cpupool = true, .has_nodes = true}, {guest()}) ==
          "Name                                        ID   Mem VCPUs\tState\tTime(s)"
          "   UUID                            Reason-Code\tSecurity Label         Cpupool"
          " NODE Affinity\n"
          "web                                          7   256     2     -b----      12.3"
          " 01234567-89ab-cdef-0123-456789abcdef        -                -          Pool-0 0-1\n");
    CHECK(text({.has_label = true}, {}) ==
          "Name                                        ID   Mem VCPUs\tState\tTime(s)"
          "   Security Label\n");
}

TEST_CASE("domain_view.letters_say_what_a_domain_does") {
    domain_info d;
    CHECK(state_letters(d) == "------");
    d.is_running = true;
    CHECK(state_letters(d) == "r-----");
    d = {};
    d.is_paused = true;
    d.is_dying = true;
    CHECK(state_letters(d) == "--p--d");
    std::string reasons;
    for (auto const r :
         {shutdown_reason::poweroff, shutdown_reason::reboot, shutdown_reason::suspend,
          shutdown_reason::crash, shutdown_reason::watchdog, shutdown_reason::soft_reset}) {
        d = {};
        d.is_shut_down = true;
        d.reason = r;
        CHECK(state_letters(d)[3] == 's');
        reasons += state_letters(d)[4];
    }
    CHECK(reasons == "-rscwS");
    d.reason.reset();
    CHECK(state_letters(d) == "---s?-");
}

TEST_CASE("domain_view.vcpu_list_has_xls_columns") {
    vcpu_info v;
    v.domain = domid(7);
    v.is_online = true;
    v.is_running = true;
    v.cpu = cpu_id(3);
    v.cpu_time_ns = 12'345'678'901;
    v.hard = cpu_set{0, 1, 3};
    v.soft = cpu_set::first(4);
    auto off = v;
    off.id = vcpu_id(1);
    off.is_online = false;
    off.soft = {};
    std::vector<vcpu_row> const rows{{"web", v, 4}, {"web", off, 4}};
    auto const t = tabulate("vcpu", vcpu_fields(), std::span<vcpu_row const>(rows));
    CHECK(to_text(t, vcpu_layout()) ==
          "Name                                ID  VCPU   CPU State   Time(s) "
          "Affinity (Hard / Soft)\n"
          "web                                  7     0    3   r--      12.3  0-1,3 / all\n"
          "web                                  7     1    -   --p      12.3  0-1,3 / none\n");
}

TEST_CASE("domain_view.machine_formats_leave_text_fields_out") {
    std::vector<domain_row> const rows{guest()};
    auto const t = tabulate("domain", domain_fields(), std::span<domain_row const>(rows));
    CHECK(to_ndjson(t) ==
          "{\"name\": \"web\", \"domid\": 7, \"uuid\": \"01234567-89ab-cdef-0123-456789abcdef\", "
          "\"type\": \"hvm\", \"state\": \"blocked\", \"shutdown_reason\": null, "
          "\"memory_bytes\": 267386880, \"max_memory_bytes\": 314572800, \"claimed_bytes\": "
          "1048576, \"vcpus_online\": 2, \"vcpus\": 4, \"cpu_seconds\": 12.345678901, "
          "\"cpupool\": 0, \"shared_bytes\": 0}\n");
    CHECK(to_metrics(t).find("xenpp_domain_cpu_seconds_total{name=\"web\",domid=\"7\",uuid="
                             "\"01234567-89ab-cdef-0123-456789abcdef\"} 12.345678901\n") !=
          std::string::npos);
}
