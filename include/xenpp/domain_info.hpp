// SPDX-License-Identifier: Apache-2.0
// What is known of a domain at one moment, as plain data.
#pragma once

#include <xenpp/base/memory_size.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/config/uuid.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace xenpp {

/// Why a domain shut down (Xen: SHUTDOWN_*, the numbers agree).
enum class shutdown_reason : std::uint8_t {
    poweroff,
    reboot,
    suspend,
    crash,
    watchdog,
    soft_reset,
};

/// "poweroff", "reboot", ... For a number that is none of the enumerators, "unknown".
char const* to_string(shutdown_reason r) noexcept;

/// One word for what a domain is doing. A domain that is none of the others waits for a CPU.
enum class run_state : std::uint8_t {
    running,  ///< on a CPU right now
    runnable, ///< waits for a CPU
    blocked,  ///< has nothing to do
    paused,
    shut_down, ///< ended, and why is in `reason`
    dying,     ///< being taken apart
};

/// "running", "runnable", ...
char const* to_string(run_state s) noexcept;

/// A domain as the hypervisor and xenstore described it when asked.
struct domain_info {
    domid id{};
    config::uuid uuid{};
    std::string name; ///< empty: nobody gave it one, or it was being created or destroyed

    bool is_hvm = false; ///< HVM or PVH; otherwise PV
    // The hypervisor's flags, as they are: several may hold at once.
    bool is_running = false;
    bool is_blocked = false;
    bool is_paused = false;
    bool is_shut_down = false;
    bool is_dying = false;
    std::optional<shutdown_reason> reason; ///< of a domain that is shut down

    pages memory;      ///< what it has
    pages max_memory;  ///< what it may have
    pages outstanding; ///< claimed for it and not yet given
    pages shared;

    std::uint32_t online_vcpus = 0;
    std::uint32_t vcpus = 0; ///< also those that are offline
    std::uint64_t cpu_time_ns = 0;
    std::uint32_t cpupool = 0;
    std::uint32_t ssidref = 0;

    run_state state() const noexcept;
};

} // namespace xenpp
