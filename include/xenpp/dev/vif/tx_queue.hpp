// SPDX-License-Identifier: Apache-2.0
// What a guest sends: packets out of its transmit ring, copied once and checked then.
#pragma once

#include <xenpp/abi/io/netif.hpp>
#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/vif/credit.hpp>
#include <xenpp/dev/vif/frame.hpp>
#include <xenpp/dev/vif/pages.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace xenpp::dev {

/// How a `tx_queue::run` ended.
enum class tx_outcome {
    idle,      ///< the ring is empty; the guest sends an event with the next packet
    more,      ///< it has had its turn, and there is more
    no_credit, ///< nothing may be sent before `credit::ready_at`
    broken,    ///< the guest broke its ring, which is served no more
};

/// What is done with what a guest sends.
class tx_handler {
public:
    /// A good frame; its bytes stay until the end of the call of `run`.
    virtual void sent(frame const& f) = 0;
    /// A packet that cannot be forwarded.
    virtual void refused() = 0;
    /// The guest wants frames to a group of stations, or wants them no more. False: it has too
    /// many.
    virtual bool change_multicast(mac_address const& group, bool is_added) = 0;

protected:
    ~tx_handler() = default;
};

/// One transmit ring. The page stays mapped for the life of this object.
class tx_queue {
public:
    using ring = ring::back_ring<abi::netif_tx_request, abi::netif_tx_response>;

    /// Slots that one packet may have; more are taken from the ring and the packet is refused.
    static constexpr std::size_t most_slots = abi::netif_nr_slots_min;

    /// Goes on where the page says. `is_resumed`: another backend served the ring before, and may
    /// have died between writing an answer and showing it.
    tx_queue(std::span<std::byte> page, bool is_resumed);

    /// Takes some packets, and gives the guest its answers. True in `wants_event`: the guest is to
    /// be sent an event.
    tx_outcome
    run(vif_pages& pages, credit& c, std::uint64_t now_us, tx_handler& handler, bool& wants_event);

    /// Why the ring is broken; empty while it is not.
    std::string_view broken() const noexcept { return broken_; }

private:
    static constexpr std::size_t buffer_size = std::size_t{256} << 10;

    struct packet {
        std::size_t first_slot;
        std::size_t slots;
        std::size_t first_piece;
        std::size_t pieces;
        std::size_t at; ///< in the buffer
        std::size_t size;
        bool is_checksum_blank;
        gso_type gso;
        std::uint16_t gso_size;
        bool is_good;
        bool is_frame; ///< else a change of multicast groups, which is done
    };

    bool take_packet(abi::netif_tx_request const& first, tx_handler& handler);
    bool take_extras(packet& p, tx_handler& handler);
    bool take_fragments(packet& p, abi::netif_tx_request const& first);
    bool take_slot(abi::netif_tx_request& into, std::string_view what);
    bool forward(packet const& p, tx_handler& handler) const;
    bool is_forwardable(frame const& f) const noexcept;
    bool answer();
    bool is_answered_before(abi::netif_tx_request const& r) const noexcept;

    ring ring_;
    std::uint32_t resumed_until_;
    std::string_view broken_;
    std::optional<abi::netif_tx_request> held_; ///< taken, waits for credit
    std::vector<std::byte> buffer_;
    std::size_t used_ = 0;
    std::vector<abi::netif_tx_response> slots_;
    std::vector<transport::grant_copy> pieces_;
    std::vector<packet> packets_;
};

} // namespace xenpp::dev
