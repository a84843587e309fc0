// SPDX-License-Identifier: Apache-2.0
// Giving frames to a receive ring.
#include <xenpp/dev/vif/rx_queue.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace xenpp::dev {

namespace {

using abi::netif_extra_info;
using abi::netif_rx_request;
using abi::netif_rx_response;

/// Our memory is only read by pieces that go to a grant.
std::span<std::byte> local_of(std::span<std::byte const> bytes) noexcept {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

} // namespace

rx_queue::rx_queue(std::span<std::byte> page)
    : ring_(page.data(),
            page.size(),
            ring::answered_in(page.data()),
            ring::answered_in(page.data())) {}

std::uint32_t rx_queue::slots_for(frame const& f, bool has_hash) noexcept {
    auto const pages = (f.bytes.size() + page_size - 1) / page_size;
    return static_cast<std::uint32_t>(pages) + (f.gso != gso_type::none ? 1U : 0U) +
           (has_hash ? 1U : 0U);
}

/// Also asks for an event when there will be that many.
bool rx_queue::has_pages(std::uint32_t slots) {
    auto waiting = ring_.waiting();
    if (waiting && *waiting < slots) {
        waiting = ring_.wait_for_more(slots);
    }
    is_broken_ = is_broken_ || !waiting;
    return waiting && *waiting >= slots;
}

bool rx_queue::take(frame const& f, std::optional<frame_hash> hash) {
    auto const slots = slots_for(f, hash.has_value());
    if (is_broken_ || f.bytes.empty() || slots > ring_.size()) {
        return false;
    }
    if (waiting_.empty() && has_pages(slots)) {
        place(f, hash);
        return true;
    }
    if (is_broken_ || waiting_.size() >= most_waiting_frames ||
        waiting_bytes_ + f.bytes.size() > most_waiting_bytes) {
        return false;
    }
    auto& w = waiting_.emplace_back(waiting_frame{{f.bytes.begin(), f.bytes.end()}, f, hash});
    w.what.bytes = w.bytes;
    waiting_bytes_ += w.bytes.size();
    return true;
}

/// Takes the pages for a frame and notes what goes where.
void rx_queue::place(frame const& f, std::optional<frame_hash> const& hash) {
    placed_frame p{slots_.size(), 0, pieces_.size(), 0, f.bytes.size()};
    std::uint16_t flags = 0;
    if (f.is_checksum_blank) {
        flags = abi::netrxf_csum_blank | abi::netrxf_data_validated;
    } else if (f.is_checksum_good) {
        flags = abi::netrxf_data_validated;
    }
    for (std::size_t at = 0; at < f.bytes.size(); at += page_size) {
        auto const part = f.bytes.subspan(at, std::min(page_size, f.bytes.size() - at));
        netif_rx_request request;
        ring_.take(request);
        pieces_.push_back(
            {.ref = grant_ref(request.gref), .local = local_of(part), .to_grant = true});
        bool const is_last = at + part.size() == f.bytes.size();
        auto const more = is_last ? std::uint32_t{0} : abi::netrxf_more_data;
        slots_.push_back({request.id,
                          {request.id, 0, static_cast<std::uint16_t>(flags | more),
                           static_cast<std::int16_t>(part.size())}});
        if (at == 0) {
            auto const first = slots_.size() - 1;
            put_extras(f, hash);
            auto const extra =
                slots_.size() - 1 != first ? abi::netrxf_extra_info : std::uint32_t{0};
            auto& answer = slots_[first].answer;
            answer.flags = static_cast<std::uint16_t>(answer.flags | extra);
        }
        flags = 0;
    }
    p.slots = slots_.size() - p.first_slot;
    p.pieces = pieces_.size() - p.first_piece;
    placed_.push_back(p);
}

/// Extra information lies in slots of its own behind the first; their pages are not used, and the
/// frontend knows.
void rx_queue::put_extras(frame const& f, std::optional<frame_hash> const& hash) {
    auto const put = [this](netif_extra_info const& e) {
        netif_rx_request unused;
        ring_.take(unused);
        slots_.push_back({unused.id, std::bit_cast<netif_rx_response>(e)});
    };
    if (f.gso != gso_type::none) {
        netif_extra_info e{};
        e.type = abi::netif_extra_type_gso;
        e.flags = hash ? abi::netif_extra_flag_more : 0;
        e.u.gso.size = f.gso_size;
        e.u.gso.type = static_cast<std::uint8_t>(f.gso);
        put(e);
    }
    if (hash) {
        netif_extra_info e{};
        e.type = abi::netif_extra_type_hash;
        e.u.hash.type = hash->type;
        e.u.hash.algorithm = abi::netif_ctrl_hash_algorithm_toeplitz;
        std::memcpy(e.u.hash.value, &hash->value, sizeof e.u.hash.value);
        put(e);
    }
}

bool rx_queue::flush(vif_pages& pages) {
    put_placed(pages);
    while (!is_broken_ && !waiting_.empty()) {
        std::size_t count = 0;
        while (count < waiting_.size()) {
            auto const& w = waiting_[count];
            if (!has_pages(slots_for(w.what, w.hash.has_value()))) {
                break;
            }
            place(w.what, w.hash);
            waiting_bytes_ -= w.bytes.size();
            ++count;
        }
        if (count == 0) {
            break;
        }
        put_placed(pages);
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return ring_.push();
}

void rx_queue::put_placed(vif_pages& pages) {
    if (placed_.empty()) {
        return;
    }
    pages.copy(pieces_);
    for (auto const& p : placed_) {
        auto const of_frame = std::span(pieces_).subspan(p.first_piece, p.pieces);
        if (std::ranges::all_of(of_frame, &transport::grant_copy::is_done)) {
            ++done_.frames;
            done_.bytes += p.size;
            continue;
        }
        ++done_.errors;
        // Without extra information, which would be taken for a frame's.
        for (auto& s : std::span(slots_).subspan(p.first_slot, p.slots)) {
            s.answer = {s.id, 0, 0, abi::netif_rsp_error};
        }
    }
    for (auto const& s : slots_) {
        ring_.put(s.answer);
    }
    placed_.clear();
    pieces_.clear();
    slots_.clear();
}

} // namespace xenpp::dev
