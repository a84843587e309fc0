// SPDX-License-Identifier: Apache-2.0
// A console in xenstore: /local/domain/D/console, as Xen's toolstack and console daemon agreed on
// it.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/store/client.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace xenpp::dev {

/// What the toolstack says of a domain's first console.
struct console_nodes {
    gfn ring{};
    evtchn_port port{};    ///< the domain's, for domain 0 to bind
    std::size_t limit = 0; ///< bytes to keep for a terminal that nobody reads; 0: not said

    friend bool operator==(console_nodes const&, console_nodes const&) = default;
};

/// The folder of a domain's console nodes.
std::string console_path(domid d);

/// Nothing while the nodes are not (all) there, or for a console of another backend's (`type` is
/// not "xenconsoled").
result<std::optional<console_nodes>> read_console(store::node_access const& s, domid d);

/// Tells clients where the terminal is (`tty`).
result<void> write_console_tty(store::node_access const& s, domid d, std::string const& path);

} // namespace xenpp::dev
