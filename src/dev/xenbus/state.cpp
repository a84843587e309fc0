// SPDX-License-Identifier: Apache-2.0
// The table of a backend's steps.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/xenbus/state.hpp>

#include <array>
#include <cstddef>

namespace xenpp::dev {

namespace {

using enum backend_action;

constexpr std::size_t state_count = 9;
using row = std::array<backend_step, state_count>;

constexpr backend_step wait{};
constexpr backend_step prepared{prepare, xenbus_state::init_wait};
constexpr backend_step connected{connect, xenbus_state::connected};
constexpr backend_step restarted{close, xenbus_state::initialising};
constexpr backend_step closing{close, xenbus_state::closing};
constexpr backend_step closed{close, xenbus_state::closed};

// A frontend that is gone (unknown) takes its backend with it. One that begins anew without having
// closed (a kernel started by kexec) finds a backend that does so too.
// clang-format off
constexpr std::array<row, state_count> table{{
// frontend: unknown  initialising init_wait initialised connected  closing  closed  reconfiguring reconfigured
/* unknown       */ {wait,   wait,      wait,     wait,      wait,      wait,    wait,   wait,     wait},
/* initialising  */ {wait,   prepared,  prepared, prepared,  prepared,  closed,  closed, wait,     wait},
/* init_wait     */ {closed, wait,      wait,     connected, connected, closing, closed, wait,     wait},
/* initialised   */ {closed, wait,      wait,     connected, connected, closing, closed, wait,     wait},
/* connected     */ {closed, restarted, wait,     wait,      wait,      closing, closed, wait,     wait},
/* closing       */ {closed, closed,    closed,   wait,      wait,      wait,    closed, wait,     wait},
/* closed        */ {wait,   prepared,  wait,     wait,      wait,      wait,    wait,   wait,     wait},
/* reconfiguring */ {closed, wait,      wait,     wait,      wait,      closing, closed, wait,     wait},
/* reconfigured  */ {closed, wait,      wait,     wait,      wait,      closing, closed, wait,     wait},
}};
// clang-format on

constexpr std::array<std::string_view, state_count> names{
    "Unknown", "Initialising", "InitWait",      "Initialised",  "Connected",
    "Closing", "Closed",       "Reconfiguring", "Reconfigured",
};

constexpr std::size_t index_of(xenbus_state s) noexcept {
    auto const i = static_cast<std::size_t>(s);
    return i < state_count ? i : 0;
}

} // namespace

backend_step next_backend_step(xenbus_state own, xenbus_state frontend, bool is_online) noexcept {
    auto const step = table[index_of(own)][index_of(frontend)];
    // Nothing begins any more with a device that is to go.
    bool const begins = step.what == prepare || step.what == connect;
    return begins && !is_online ? (own == xenbus_state::closed ? wait : closed) : step;
}

xenbus_state parse_state(std::string_view text) noexcept {
    auto const n = parse_number<std::uint64_t>(text);
    return n && *n < state_count ? static_cast<xenbus_state>(*n) : xenbus_state::unknown;
}

std::string_view to_string(xenbus_state s) noexcept {
    return names[index_of(s)];
}

} // namespace xenpp::dev
