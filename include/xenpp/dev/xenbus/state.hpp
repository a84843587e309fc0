// SPDX-License-Identifier: Apache-2.0
// What a backend does next: a table over its state, its frontend's and the toolstack's wish.
#pragma once

#include <xenpp/abi/io/xenbus.hpp>

#include <string_view>

namespace xenpp::dev {

using abi::xenbus_state;

/// What a backend has to do before it goes on to a state.
enum class backend_action : std::uint8_t {
    none,    ///< wait
    prepare, ///< open what is behind the device, say what can be done with it
    connect, ///< map what the frontend offers, and serve
    close,   ///< stop serving, let go of all that is the frontend's
};

/// An action, and the state to write once it is done; with `none`, there is nothing to write.
struct backend_step {
    backend_action what = backend_action::none;
    xenbus_state then = xenbus_state::unknown;

    friend constexpr bool operator==(backend_step const&, backend_step const&) = default;
};

/// The step that follows from the node "state" of both ends (`unknown`: it is not there or is no
/// state) and the node "online" of the backend, which the toolstack sets to 0 for good.
backend_step next_backend_step(xenbus_state own, xenbus_state frontend, bool is_online) noexcept;

/// The state that a node's value names; `unknown` for what names none.
xenbus_state parse_state(std::string_view text) noexcept;

/// The name of a state in Xen's words ("Connected").
std::string_view to_string(xenbus_state s) noexcept;

} // namespace xenpp::dev
