// SPDX-License-Identifier: Apache-2.0
// A connection to a hypervisor that speaks its interface version and explains its refusals.
#pragma once

#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/sysctl.hpp>
#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/ctl/interface_version.hpp>
#include <xenpp/transport/doors.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::ctl {

/// What a hypercall is about, for its error.
struct subject {
    std::string_view operation;    ///< a literal: "domctl_pausedomain"
    std::optional<domid> domain{}; ///< none: the hypervisor itself
};

/// All calls of ctl/ go through one of these. An error of theirs names the operation, the domain
/// and the reason; where the hypervisor wrote to its console meanwhile, the error quotes it.
class connection {
public:
    /// Asks for the hypervisor's release and chooses the interface version. EOPNOTSUPP for a
    /// release that is not supported. `d` must outlive the connection.
    static result<connection> open(transport::doors& d);

    transport::doors& doors() const noexcept { return *doors_; }

    interface_version const& version() const noexcept { return *version_; }

    /// One hypercall. The error for a negative return.
    result<std::uint64_t>
    call(subject const& what, abi::hypercall number, std::array<std::uint64_t, 6> const& args);

    /// One domctl: fills in command, version and domain, and brings the answer back into `op`.
    result<void> domctl(std::string_view name, abi::domctl_op cmd, domid d, abi::domctl& op);

    /// One sysctl, likewise.
    result<void> sysctl(std::string_view name, abi::sysctl_op cmd, abi::sysctl& op);

private:
    connection(transport::doors& d,
               interface_version const& v,
               transport::hypercall_buffer<abi::domctl> domctl,
               transport::hypercall_buffer<abi::sysctl> sysctl) noexcept
        : doors_(&d), version_(&v), domctl_(std::move(domctl)), sysctl_(std::move(sysctl)) {}

    /// The lines that came to the hypervisor's console since the last look, at most the last few.
    std::string new_console_lines();
    unexpected<error> refuse(subject const& what, int code);

    transport::doors* doors_;
    interface_version const* version_;
    transport::hypercall_buffer<abi::domctl> domctl_;
    transport::hypercall_buffer<abi::sysctl> sysctl_;
    std::uint32_t console_seen_ = 0; ///< the console ring's position up to which we know it
};

} // namespace xenpp::ctl
