// SPDX-License-Identifier: Apache-2.0
// The control ring: how a guest wants its frames hashed, and to which queue each hash goes.
#pragma once

#include <xenpp/abi/io/netif.hpp>
#include <xenpp/dev/vif/pages.hpp>
#include <xenpp/dev/vif/rx_queue.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xenpp::dev {

/// What the guest has said; the hash is Toeplitz's over what `flags` name.
class hash_control {
public:
    static constexpr std::size_t most_key_bytes = 40;
    static constexpr std::size_t most_mapping_entries = 128;

    explicit hash_control(std::uint32_t queue_count) noexcept : queue_count_(queue_count) {}

    /// Does one request; pages are for those that name a grant.
    abi::netif_ctrl_response answer(abi::netif_ctrl_request const& r, vif_pages& pages);

    /// The hash of a frame; nothing if the guest wants none or none covers it.
    std::optional<frame_hash> hash(std::span<std::byte const> frame) const noexcept;

    /// The queue for a frame with that hash.
    std::uint32_t queue_of(frame_hash const& h) const noexcept;

private:
    std::uint32_t set_key(std::uint32_t gref, std::uint32_t size, vif_pages& pages);
    std::uint32_t
    set_mapping(std::uint32_t gref, std::uint32_t count, std::uint32_t first, vif_pages& pages);
    std::uint32_t toeplitz(std::span<std::byte const> input) const noexcept;

    std::uint32_t queue_count_;
    std::uint32_t algorithm_ = abi::netif_ctrl_hash_algorithm_none;
    std::uint32_t flags_ = 0;
    std::array<std::byte, most_key_bytes> key_{};
    std::vector<std::uint32_t> mapping_;
};

/// One control ring. The page stays mapped for the life of this object.
class control_queue {
public:
    using ring = ring::back_ring<abi::netif_ctrl_request, abi::netif_ctrl_response>;

    explicit control_queue(std::span<std::byte> page);

    /// Answers what waits. True: the guest is to be sent an event.
    bool run(hash_control& control, vif_pages& pages);

    bool is_broken() const noexcept { return is_broken_; }

private:
    ring ring_;
    bool is_broken_ = false;
};

} // namespace xenpp::dev
