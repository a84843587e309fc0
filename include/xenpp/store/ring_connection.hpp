// SPDX-License-Identifier: Apache-2.0
// A guest's ring page as a transport of the server, crash-safe in every step.
#pragma once

#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/base/error.hpp>
#include <xenpp/store/server.hpp>

#include <cstdint>

namespace xenpp::store {

/// Serves one domain's ring. The guest may change the page at any time: each index is read once
/// and checked, the server's own indices are never read back except once after a restart, and a
/// guest that breaks the rules is given up with a word in the page's `error`.
///
/// The order receive, journal, publish, send is what makes it crash-safe; see the folder's README.
class ring_connection {
public:
    /// While more than this waits to be sent, no request is taken.
    static constexpr std::size_t output_limit = 16 * 1024;

    /// Takes the ring up where its page says for a connection without a position, else where the
    /// journal says. `page` must stay mapped for the life of this object.
    ring_connection(server& s, connection_id c, abi::xenstore_domain_interface& page);

    /// Executes the whole requests that are on the ring. True if it took anything; then the
    /// changes must be journalled before the next two. While the server is congested nothing is
    /// taken, and the guest does not know: to be called again.
    bool receive();
    /// Tells the guest what has been taken. True if the guest must be notified.
    bool publish();
    /// Moves waiting bytes to the ring. True if the guest must be notified.
    bool send();

    bool is_open() const noexcept { return server_.is_open(connection_); }

private:
    void give_up(std::uint32_t reason);

    server& server_;
    connection_id connection_;
    abi::xenstore_domain_interface& page_;
    std::uint32_t published_ = 0;
};

/// One round on a ring: `commit` journals the server's changes and answers `result<void>`.
/// True if the guest must be notified.
template <class Commit>
result<bool> pump(ring_connection& ring, Commit commit) {
    ring.receive();
    XENPP_TRY(commit());
    bool const is_published = ring.publish();
    return ring.send() || is_published;
}

} // namespace xenpp::store
