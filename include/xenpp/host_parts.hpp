// SPDX-License-Identifier: Apache-2.0
// What a host is put together from, for programs that bring their own connections.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/host.hpp>

#include <functional>
#include <memory>
#include <string>

namespace xenpp::store {
class connection;
} // namespace xenpp::store

namespace xenpp::transport {
class doors;
} // namespace xenpp::transport

namespace xenpp {

/// The daemon of the embedded host assembles its own host from the machine it serves and the
/// xenstore it is; tests assemble one from doors that fail on purpose.
struct host_parts {
    host_kind kind = host_kind::embedded;
    /// The hypervisor. Kept open as long as the host and its handles are.
    std::shared_ptr<transport::doors> doors;
    /// The way to xenstore.
    std::unique_ptr<store::connection> store;
    /// Opens another way to xenstore, after the first broke; empty: it cannot break.
    std::function<result<std::unique_ptr<store::connection>>()> connect_store{};
    /// Where configurations, unpacked kernels and console logs are; empty: nothing is kept beyond
    /// this process.
    std::string state_dir{};
    /// The daemon's path (`host_options::daemon`); empty: it is looked for.
    std::string daemon{};
    /// For a host that this same thread serves: called before anything is listed and while
    /// something is waited for, it lets happen what happens in no other process, and waits for that
    /// at most so many milliseconds.
    std::function<void(int most_ms)> turn{};
};

result<host> assemble_host(host_parts parts);

} // namespace xenpp
