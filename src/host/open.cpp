// SPDX-License-Identifier: Apache-2.0
// Which host: the one of this Xen domain, the embedded one, or a simulated one.
#include "host/open.hpp"

#include "host/native.hpp"

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

} // namespace

result<host> open_host(host_options const& options) {
    auto const kind = wanted_kind();
    if (kind == "sim") {
        return open_sim_host({.guest_lifetime = std::chrono::milliseconds(10)});
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
