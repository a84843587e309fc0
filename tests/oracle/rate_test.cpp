// SPDX-License-Identifier: Apache-2.0
// Generated rates of interfaces: our exact dialect accepts, refuses and reads what libxlutil does.
#include "oracle/compare.hpp"

#include <xenpp/config/vif_spec.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cerrno>

namespace {

using namespace xenpp;

std::string make_number(oracle::generator& from) {
    constexpr std::string_view odd[] = {"0",
                                        "00",
                                        "010",
                                        "08",
                                        "018",
                                        "4294967295",
                                        "4294967296",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "4294",
                                        "4295",
                                        "4294967",
                                        "4294968",
                                        "0x10",
                                        "-1",
                                        "+1",
                                        " 1",
                                        ""};
    return from.chance(4) ? std::string(from.pick(odd))
                          : std::to_string(from.below(std::size_t{1} << from.below(34)));
}

std::string make_rate(oracle::generator& from) {
    constexpr std::string_view units[] = {"B/s",  "b/s",  "KB/s", "Kb/s", "MB/s", "Mb/s", "GB/s",
                                          "Gb/s", "mB/s", "B",    "",     "bB/s", "GMB/s"};
    constexpr std::string_view spans[] = {"", "s", "ms", "us", "m", "u", "ns", "S"};
    std::string out = make_number(from) + std::string(from.pick(units));
    if (from.chance(2)) {
        out += "@" + make_number(from) + std::string(from.pick(spans));
    }
    return from.chance(4) ? from.damage(out, 2, "0189GMKBb/s@mu x-") : out;
}

std::string shown(std::uint64_t bytes, std::uint32_t us) {
    return fmt::format("{} bytes every {} us", bytes, us);
}

std::string their_rate(std::string const& text) {
    libxl_device_nic nic;
    libxl_device_nic_init(&nic);
    auto const c = oracle::make_config();
    errno = 0; // libxlutil reads what another call left there
    std::string const out = xlu_vif_parse_rate(c.get(), text.c_str(), &nic) == 0
                                ? shown(nic.rate_bytes_per_interval, nic.rate_interval_usecs)
                                : "refused";
    libxl_device_nic_dispose(&nic);
    return out;
}

std::string our_rate(std::string const& text) {
    auto const r = config::parse_vif_rate(text, config::dialect::exact);
    return r ? shown(r->bytes_per_interval, r->interval_us) : "refused";
}

} // namespace

TEST_CASE("oracle.rates_are_read_as_libxlutil_reads_them") {
    oracle::compare(make_rate, their_rate, our_rate);
}
