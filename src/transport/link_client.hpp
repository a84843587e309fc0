// SPDX-License-Identifier: Apache-2.0
// A control process's end of one slot of the machine link.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/link/layout.hpp>

#include <array>
#include <cstdint>

namespace xenpp::transport {

/// How the two sides wake each other.
class bell {
public:
    /// Makes the hypervisor look at its pending slots. Never blocks.
    virtual void ring() noexcept = 0;
    /// Sleeps until `word` may differ from `seen`, at most `timeout_ns`.
    virtual void
    wait(std::uint32_t const& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept = 0;
    /// An error, with the reason, when nobody will answer any more.
    virtual result<void> check() = 0;

protected:
    ~bell() = default;
};

/// Writes hypercalls into a slot's ring and waits for their results. The caller owns the slot.
class link_client {
public:
    link_client(std::byte* window, unsigned slot, bell& b) noexcept
        : window_(window), slot_(slot), bell_(b) {}

    /// Starts over: what the slot's previous owner left, or we hold, is dropped.
    result<void> reset();

    /// One hypercall; returns what the hypervisor returned.
    result<std::int64_t> call(std::uint64_t number, std::array<std::uint64_t, 6> const& arg);

    /// The ring's entry that the next hypercall takes, as soon as it is free.
    result<unsigned> next_entry();

    /// One hypercall whose outcome nobody asks for; its arguments must stay until `next_entry`
    /// names its entry again.
    result<void> post(std::uint64_t number, std::array<std::uint64_t, 6> const& arg);

    /// Rings again for what was posted: a bell that was lost costs a while, not for ever.
    void nudge() noexcept;

    unsigned slot() const noexcept { return slot_; }

private:
    link::link_header& header() const noexcept;
    link::slot_header& page() const noexcept;
    void call_attention() noexcept;
    void put(std::uint64_t number, std::array<std::uint64_t, 6> const& arg) noexcept;

    /// Waits until `word` is `wanted`: briefly by looking, then asleep.
    result<void> await(std::uint32_t const& word, std::uint32_t wanted);

    std::byte* window_;
    unsigned slot_;
    std::uint32_t produced_ = 0; ///< what the page says too; ours to believe
    bell& bell_;
};

} // namespace xenpp::transport
