// SPDX-License-Identifier: Apache-2.0
// The steps that building a domain of any kind has in common.
#pragma once

#include <xenpp/builder/built_domain.hpp>
#include <xenpp/builder/domain_settings.hpp>
#include <xenpp/builder/memory_extent.hpp>
#include <xenpp/builder/placement.hpp>
#include <xenpp/builder/recipe.hpp>
#include <xenpp/ctl/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace xenpp::builder {

/// What every recipe's state begins with.
struct build_core {
    ctl::connection& c;
    domain_settings const& settings;
    built_domain made{};

    domid id() const noexcept { return made.domain.id(); }
};

/// Makes a step over the common part a step over the whole state.
template <auto Step, class State>
result<void> on_core(State& s) {
    return Step(s);
}

/// What to say where Xen has no memory: there was enough when it was counted.
inline constexpr std::string_view memory_went =
    "another domain has taken the memory meanwhile: take less";

/// A step's outcome, in which an ENOMEM without a word says so.
result<void> explain_memory(result<void> outcome);

/// Creates the domain: `request` with what the settings say filled in.
result<void> create_domain(build_core& s, abi::domctl_createdomain request);

/// Claims the frames that are to be populated.
result<void> claim_memory(build_core& s, std::uint64_t frames);

result<void> make_vcpus(build_core& s);
result<void> set_affinity(build_core& s);
result<void> set_scheduling(build_core& s);
result<void> set_clock(build_core& s);
/// Allocates the event channels of xenstore and console.
result<void> open_event_channels(build_core& s);

/// The domain may own `ram_pages` and the slack, and no fewer than `total_pages`.
result<void> limit_memory(build_core& s, std::uint64_t ram_pages, std::uint64_t total_pages);

/// Writes the entries of the grant table, found in frame `table` of the domain, by which domain 0
/// reaches the two rings.
result<void> write_ring_grants(build_core const& s, gfn table);

/// Writes what is to be in the domain's memory, by `write(address, bytes)`, in parts: what is
/// copied out of a file does not stay in this process's memory. Errors say what could not be
/// written.
result<void>
load_placements(std::span<placement const> placements,
                std::function<result<void>(gpa, std::span<std::byte const>)> const& write);

} // namespace xenpp::builder
