// SPDX-License-Identifier: Apache-2.0
// NBD servers' hosts: their names in URIs, and the addresses of these.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::dev::detail {

/// Whether a disk's target is the URI of an NBD server.
bool is_nbd_uri(std::string_view target) noexcept;

/// The name in an NBD URI that has to be looked up; empty: there is none.
std::string host_name_in(std::string_view uri);

/// The URI with an address in place of its host's name.
std::string with_address(std::string_view uri, std::string_view address);

/// Looks up a name in a process of its own, for getaddrinfo takes as long as it likes, and our one
/// thread is all guests'. libnbd sees an address alone then: with TLS, a certificate must be for
/// it.
class host_lookup {
public:
    static result<host_lookup> start(std::string const& name);

    host_lookup(host_lookup&&) noexcept = default;
    host_lookup& operator=(host_lookup&&) = delete;
    ~host_lookup();

    /// Readable when there is an answer.
    int fd() const noexcept { return process_.fd(); }

    /// The name's addresses, in the order in which they are to be tried; nothing: not yet.
    std::optional<std::vector<std::string>> answer() const;

private:
    host_lookup() noexcept = default;

    os::unique_fd output_;
    os::process process_;
};

} // namespace xenpp::dev::detail
