// SPDX-License-Identifier: Apache-2.0
// Which host: the one of this Xen domain, the embedded one, or a simulated one.
#include "host/open.hpp"

#include "host/native.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/transport/native.hpp>

#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace xenpp::detail {
namespace {

std::string_view wanted_kind() {
    auto const* const e = std::getenv("XENPP_HOST"); // NOLINT(concurrency-mt-unsafe): reads only
    return e != nullptr ? e : "";
}

/// A number of domains of the simulated host, out of the environment.
result<std::uint32_t> wanted_domains(char const* variable) {
    constexpr std::uint32_t most = 4000;
    auto const* const text = std::getenv(variable); // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
        return 0U;
    }
    auto const n = parse_number<std::uint64_t>(text);
    if (!n || *n > most) {
        return fail("open host", EINVAL,
                    fmt::format("{}={} is not a number up to {}", variable, text, most));
    }
    return static_cast<std::uint32_t>(*n);
}

} // namespace

result<host> open_host(host_options const& options) {
    auto const kind = wanted_kind();
    if (kind == "sim") {
        return open_sim_host({.guest_lifetime = std::chrono::milliseconds(10),
                              .domains = XENPP_TRY(wanted_domains("XENPP_SIM_DOMAINS"))},
                             XENPP_TRY(wanted_domains("XENPP_SIM_VANISHING")));
    }
    if (!kind.empty() && kind != "embedded") {
        return fail("open host", EINVAL,
                    fmt::format("XENPP_HOST={} is neither \"sim\" nor \"embedded\"", kind));
    }
    if (kind.empty() && transport::native::available()) {
        return open_native_host(options);
    }
    return open_embedded_host(options);
}

} // namespace xenpp::detail
