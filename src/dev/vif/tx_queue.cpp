// SPDX-License-Identifier: Apache-2.0
// Taking packets from a transmit ring.
#include <xenpp/dev/vif/packet.hpp>
#include <xenpp/dev/vif/tx_queue.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace xenpp::dev {

namespace {

using abi::netif_extra_info;
using abi::netif_tx_request;
using abi::netif_tx_response;

constexpr std::size_t most_packet_bytes = 65535;

/// An extra slot is read as a request first.
netif_extra_info as_extra(netif_tx_request const& r) noexcept {
    netif_extra_info e;
    std::memcpy(&e, &r, sizeof e);
    return e;
}

/// The answer to an extra slot keeps the bytes of its first two members, so that a successor of
/// ours still can tell where the packet ends.
netif_tx_response null_response(netif_extra_info const& e) noexcept {
    netif_tx_response r{};
    std::memcpy(&r.id, &e, sizeof r.id);
    r.status = abi::netif_rsp_null;
    return r;
}

} // namespace

tx_queue::tx_queue(std::span<std::byte> page, bool is_resumed)
    : ring_(
          page.data(), page.size(), ring::answered_in(page.data()), ring::answered_in(page.data()))
    , resumed_until_(ring_.taken() + (is_resumed ? ring_.size() : 0))
    , buffer_(buffer_size) {}

tx_outcome tx_queue::run(
    vif_pages& pages, credit& c, std::uint64_t now_us, tx_handler& handler, bool& wants_event) {
    auto outcome = tx_outcome::more;
    used_ = 0;
    slots_.clear();
    pieces_.clear();
    packets_.clear();
    while (outcome == tx_outcome::more && buffer_.size() - used_ >= most_packet_bytes) {
        netif_tx_request first;
        if (held_) {
            first = *held_;
        } else {
            auto waiting = ring_.waiting();
            if (waiting && *waiting == 0) {
                waiting = ring_.wait_for_more();
            }
            if (!waiting || *waiting == 0) {
                outcome = waiting ? tx_outcome::idle : tx_outcome::broken;
                break;
            }
            ring_.take(first);
        }
        if (!c.spend(first.size, now_us)) {
            held_ = first;
            outcome = tx_outcome::no_credit;
            break;
        }
        held_.reset();
        if (!take_packet(first, handler)) {
            outcome = tx_outcome::broken;
        }
    }
    if (outcome == tx_outcome::broken && broken_.empty()) {
        broken_ = "its index of requests cannot be";
    }
    if (!pieces_.empty()) {
        pages.copy(pieces_);
    }
    for (auto& p : packets_) {
        auto const of_packet = std::span(pieces_).subspan(p.first_piece, p.pieces);
        p.is_good = p.is_good && std::ranges::all_of(of_packet, &transport::grant_copy::is_done);
        if (p.is_frame) {
            p.is_good = forward(p, handler);
        }
        if (!p.is_good) {
            for (auto& slot : std::span(slots_).subspan(p.first_slot, p.slots)) {
                slot.status =
                    slot.status == abi::netif_rsp_null ? slot.status : abi::netif_rsp_error;
            }
        }
    }
    wants_event = answer() || wants_event;
    return outcome;
}

bool tx_queue::take_packet(netif_tx_request const& first, tx_handler& handler) {
    packet p{.first_slot = slots_.size(),
             .slots = 1,
             .first_piece = pieces_.size(),
             .pieces = 0,
             .at = used_,
             .size = first.size,
             .is_checksum_blank = (first.flags & abi::nettxf_csum_blank) != 0,
             .gso = gso_type::none,
             .gso_size = 0,
             .is_good = !is_answered_before(first),
             .is_frame = true};
    slots_.push_back({first.id, abi::netif_rsp_okay});
    if ((first.flags & abi::nettxf_extra_info) != 0 && !take_extras(p, handler)) {
        return false;
    }
    if (!take_fragments(p, first)) {
        return false;
    }
    p.slots = slots_.size() - p.first_slot;
    if (!p.is_good || !p.is_frame) {
        pieces_.resize(p.first_piece); // it is not worth copying
    }
    p.pieces = pieces_.size() - p.first_piece;
    used_ += p.pieces != 0 ? p.size : 0;
    packets_.push_back(p);
    return true;
}

bool tx_queue::take_extras(packet& p, tx_handler& handler) {
    for (bool has_more = true; has_more;) {
        netif_tx_request slot;
        if (!take_slot(slot, "a packet's extra information is missing")) {
            return false;
        }
        auto const e = as_extra(slot);
        slots_.push_back(null_response(e));
        has_more = (e.flags & abi::netif_extra_flag_more) != 0;
        switch (e.type) {
        case abi::netif_extra_type_gso:
            p.gso = static_cast<gso_type>(e.u.gso.type);
            p.gso_size = e.u.gso.size;
            p.is_good = p.is_good && (p.gso == gso_type::tcpv4 || p.gso == gso_type::tcpv6);
            break;
        case abi::netif_extra_type_mcast_add:
        case abi::netif_extra_type_mcast_del: {
            mac_address group;
            std::memcpy(group.bytes.data(), e.u.mcast.addr, group.bytes.size());
            p.is_frame = false;
            p.is_good = p.is_good &&
                        handler.change_multicast(group, e.type == abi::netif_extra_type_mcast_add);
            break;
        }
        case abi::netif_extra_type_hash: break; // a way out has no use for it
        default: p.is_good = false;
        }
    }
    return true;
}

/// The first slot's size is the packet's; its own part is what the others leave.
bool tx_queue::take_fragments(packet& p, netif_tx_request const& first) {
    std::array<netif_tx_request, most_slots> fragments;
    fragments[0] = first;
    std::size_t count = 1;
    std::size_t rest = first.size;
    for (auto flags = first.flags; (flags & abi::nettxf_more_data) != 0;) {
        netif_tx_request slot;
        if (!take_slot(slot, "a packet's data is missing")) {
            return false;
        }
        slots_.push_back({slot.id, abi::netif_rsp_okay});
        flags = slot.flags;
        p.is_good =
            p.is_good && count < most_slots && slot.size <= rest && !is_answered_before(slot);
        if (p.is_good) {
            rest -= slot.size;
            fragments[count++] = slot;
        }
    }
    p.is_good = p.is_good && (rest >= ethernet_header_size || !p.is_frame);
    fragments[0].size = static_cast<std::uint16_t>(rest);
    auto at = p.at;
    for (std::size_t i = 0; i < count && p.is_good; ++i) {
        auto const& f = fragments[i];
        p.is_good = std::size_t{f.offset} + f.size <= page_size;
        if (p.is_good) {
            pieces_.push_back({.ref = grant_ref(f.gref),
                               .offset = f.offset,
                               .local = std::span(buffer_).subspan(at, f.size)});
        }
        at += f.size;
    }
    return true;
}

bool tx_queue::take_slot(netif_tx_request& into, std::string_view what) {
    auto const waiting = ring_.waiting();
    if (!waiting || *waiting == 0) {
        broken_ = what;
        return false;
    }
    ring_.take(into);
    return true;
}

/// A slot that the backend before us answered, without having shown it, looks like its answer.
bool tx_queue::is_answered_before(netif_tx_request const& r) const noexcept {
    auto const index = ring_.taken() - 1;
    if (static_cast<std::int32_t>(resumed_until_ - index) <= 0) {
        return false;
    }
    auto const looks_like = [&](std::int16_t status) {
        return r.gref == std::bit_cast<std::uint32_t>(netif_tx_response{r.id, status});
    };
    return looks_like(abi::netif_rsp_okay) || looks_like(abi::netif_rsp_error);
}

bool tx_queue::forward(packet const& p, tx_handler& handler) const {
    frame const f{.bytes = std::span(buffer_).subspan(p.at, p.size),
                  .is_checksum_blank = p.is_checksum_blank,
                  .gso = p.gso,
                  .gso_size = p.gso_size};
    bool const is_forwarded = p.is_good && is_forwardable(f);
    if (is_forwarded) {
        handler.sent(f);
    } else {
        handler.refused();
    }
    return is_forwarded;
}

/// Work that the guest leaves to others must be such that others can do it.
bool tx_queue::is_forwardable(frame const& f) const noexcept {
    if (!f.is_checksum_blank && f.gso == gso_type::none) {
        return true;
    }
    auto const h = read_headers(f.bytes);
    return h && h->checksum != 0 && (f.gso == gso_type::none || is_valid_gso(f, *h));
}

bool tx_queue::answer() {
    for (auto const& slot : slots_) {
        ring_.put(slot);
    }
    return ring_.push();
}

} // namespace xenpp::dev
