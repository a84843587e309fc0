// SPDX-License-Identifier: Apache-2.0
// How a hosted error is put into words.
#include <xenpp/base/error.hpp>

#include <fmt/format.h>

#include <cstring>

namespace xenpp {

std::string error::message() const {
    std::string out(operation);
    if (domid >= 0) {
        out += fmt::format(" (domain {})", domid);
    }
    if (!detail.empty()) {
        out += ": " + detail;
    }
    if (code != 0) {
        out += fmt::format(": {} (errno {})", std::strerror(code),
                           code); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    }
    return out;
}

unexpected<error> fail(std::string_view operation, int code, std::string detail) {
    return unexpected(error{operation, code, std::move(detail)});
}

unexpected<error> fail(std::string_view operation, errc code, std::string detail) {
    return fail(operation, static_cast<int>(code), std::move(detail));
}

unexpected<error> fail(std::string_view operation, std::string detail) {
    return unexpected(error{operation, 0, std::move(detail)});
}

} // namespace xenpp
