// SPDX-License-Identifier: Apache-2.0
// What a guest receives: frames into the pages that it offers in its receive ring.
#pragma once

#include <xenpp/abi/io/netif.hpp>
#include <xenpp/dev/vif/frame.hpp>
#include <xenpp/dev/vif/pages.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace xenpp::dev {

/// The hash of a frame as the guest asked for it on its control ring.
struct frame_hash {
    std::uint8_t type = 0; ///< netif_ctrl_hash_type_*_bit
    std::uint32_t value = 0;
};

/// One receive ring. The page stays mapped for the life of this object.
class rx_queue {
public:
    using ring = ring::back_ring<abi::netif_rx_request, abi::netif_rx_response>;

    /// What waits while the guest offers no pages; more is dropped.
    static constexpr std::size_t most_waiting_bytes = std::size_t{1} << 20;
    static constexpr std::size_t most_waiting_frames = 1024;

    /// Goes on where the page says.
    explicit rx_queue(std::span<std::byte> page);

    /// Takes a frame that the guest can use as it is. False: there is no room, it is dropped. The
    /// bytes stay until `flush`.
    bool take(frame const& f, std::optional<frame_hash> hash);

    /// Gives the guest what was taken, as far as it has pages; to be called for its events too.
    /// True: it is to be sent an event.
    bool flush(vif_pages& pages);

    /// Frames and bytes that the guest has, and frames that it could not be given.
    struct counts {
        std::uint64_t frames = 0;
        std::uint64_t bytes = 0;
        std::uint64_t errors = 0;
    };

    counts const& done() const noexcept { return done_; }

    /// The guest broke its ring, which is served no more.
    bool is_broken() const noexcept { return is_broken_; }

private:
    /// A frame that waits for pages, with bytes of its own.
    struct waiting_frame {
        std::vector<std::byte> bytes;
        frame what;
        std::optional<frame_hash> hash;
    };

    /// A frame for which there are pages.
    struct placed_frame {
        std::size_t first_slot;
        std::size_t slots;
        std::size_t first_piece;
        std::size_t pieces;
        std::size_t size;
    };

    struct slot {
        std::uint16_t id;              ///< of the request
        abi::netif_rx_response answer; ///< or extra information
    };

    static std::uint32_t slots_for(frame const& f, bool has_hash) noexcept;
    bool has_pages(std::uint32_t slots);
    void place(frame const& f, std::optional<frame_hash> const& hash);
    void put_extras(frame const& f, std::optional<frame_hash> const& hash);
    void put_placed(vif_pages& pages);

    ring ring_;
    bool is_broken_ = false;
    std::deque<waiting_frame> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::vector<slot> slots_;
    std::vector<transport::grant_copy> pieces_;
    std::vector<placed_frame> placed_;
    counts done_;
};

} // namespace xenpp::dev
