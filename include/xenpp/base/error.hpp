// SPDX-License-Identifier: Apache-2.0
// The hosted error: what was tried, on which domain, what failed, and why in words.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace xenpp {

/// Why an operation of the hosted library failed. `operation` is the call as its user names it
/// ("create domain", "domctl_createdomain"); `code` is the hypervisor's or the OS's errno (0 when
/// the reason is not a number); `detail` says what is wrong and what to do about it.
struct error {
    std::string_view operation; ///< a literal
    int code = 0;               ///< a positive errno; 0: see `detail` alone
    std::string detail;         ///< the reason in words
    std::int32_t domid = -1;    ///< the domain concerned, or -1

    /// One line: operation, domain, reason, errno.
    std::string message() const;
};

/// The result of a fallible call of the hosted library.
template <class T>
using result = expected<T, error>;

/// An error from an errno (hypervisor or OS: the numbers agree).
unexpected<error> fail(std::string_view operation, int code, std::string detail = {});
unexpected<error> fail(std::string_view operation, errc code, std::string detail = {});
/// An error whose reason is words alone.
unexpected<error> fail(std::string_view operation, std::string detail);

} // namespace xenpp
