// SPDX-License-Identifier: Apache-2.0
// Answering a control ring, and Toeplitz's hash (io/netif.h, "Hashing").
#include <xenpp/dev/vif/control_queue.hpp>
#include <xenpp/dev/vif/packet.hpp>

#include <algorithm>
#include <cstring>

namespace xenpp::dev {

namespace {

using abi::netif_ctrl_status_buffer_overflow;
using abi::netif_ctrl_status_invalid_parameter;
using abi::netif_ctrl_status_not_supported;
using abi::netif_ctrl_status_success;

constexpr std::uint32_t known_flags =
    abi::netif_ctrl_hash_type_ipv4 | abi::netif_ctrl_hash_type_ipv4_tcp |
    abi::netif_ctrl_hash_type_ipv6 | abi::netif_ctrl_hash_type_ipv6_tcp;

bool copy_from(vif_pages& pages,
               std::uint32_t gref,
               std::uint32_t offset,
               std::span<std::byte> into) {
    transport::grant_copy piece{.ref = grant_ref(gref), .offset = offset, .local = into};
    pages.copy({&piece, 1});
    return piece.is_done;
}

} // namespace

abi::netif_ctrl_response hash_control::answer(abi::netif_ctrl_request const& r, vif_pages& pages) {
    abi::netif_ctrl_response out{r.id, r.type, netif_ctrl_status_success, 0};
    switch (r.type) {
    case abi::netif_ctrl_type_get_hash_flags: out.data = known_flags; break;
    case abi::netif_ctrl_type_set_hash_flags:
        if ((r.data[0] & ~known_flags) != 0) {
            out.status = netif_ctrl_status_invalid_parameter;
        } else {
            flags_ = r.data[0];
        }
        break;
    case abi::netif_ctrl_type_set_hash_key:
        out.status = set_key(r.data[0], r.data[1], pages);
        break;
    case abi::netif_ctrl_type_get_hash_mapping_size: out.data = most_mapping_entries; break;
    case abi::netif_ctrl_type_set_hash_mapping_size:
        if (r.data[0] > most_mapping_entries) {
            out.status = netif_ctrl_status_invalid_parameter;
        } else {
            mapping_.assign(r.data[0], 0);
        }
        break;
    case abi::netif_ctrl_type_set_hash_mapping:
        out.status = set_mapping(r.data[0], r.data[1], r.data[2], pages);
        break;
    case abi::netif_ctrl_type_set_hash_algorithm:
        if (r.data[0] > abi::netif_ctrl_hash_algorithm_toeplitz) {
            out.status = netif_ctrl_status_invalid_parameter;
        } else {
            algorithm_ = r.data[0];
        }
        break;
    default: out.status = netif_ctrl_status_not_supported;
    }
    return out;
}

std::uint32_t hash_control::set_key(std::uint32_t gref, std::uint32_t size, vif_pages& pages) {
    if (size > most_key_bytes) {
        return netif_ctrl_status_buffer_overflow;
    }
    decltype(key_) key{};
    if (size != 0 && !copy_from(pages, gref, 0, std::span(key).first(size))) {
        return netif_ctrl_status_invalid_parameter;
    }
    key_ = key;
    return netif_ctrl_status_success;
}

std::uint32_t hash_control::set_mapping(std::uint32_t gref,
                                        std::uint32_t count,
                                        std::uint32_t first,
                                        vif_pages& pages) {
    if (count > mapping_.size() || first > mapping_.size() - count) {
        return netif_ctrl_status_invalid_parameter;
    }
    std::vector<std::uint32_t> part(count);
    if (count != 0 && !copy_from(pages, gref, 0, std::as_writable_bytes(std::span(part)))) {
        return netif_ctrl_status_invalid_parameter;
    }
    if (std::ranges::any_of(part, [this](std::uint32_t q) { return q >= queue_count_; })) {
        return netif_ctrl_status_invalid_parameter;
    }
    std::ranges::copy(part, mapping_.begin() + first);
    return netif_ctrl_status_success;
}

std::uint32_t hash_control::toeplitz(std::span<std::byte const> input) const noexcept {
    // The key's 32 bits from where the input's bit is, for each bit that is set.
    std::uint64_t window = 0;
    std::size_t next = 0;
    for (; next < sizeof window; ++next) {
        window = window << 8 | std::to_integer<std::uint64_t>(key_[next]);
    }
    std::uint32_t hash = 0;
    for (auto const byte : input) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            if ((std::to_integer<unsigned>(byte) & (0x80U >> bit)) != 0) {
                hash ^= static_cast<std::uint32_t>(window << bit >> 32);
            }
        }
        window <<= 8;
        if (next < key_.size()) {
            window |= std::to_integer<std::uint64_t>(key_[next++]);
        }
    }
    return hash;
}

std::optional<frame_hash> hash_control::hash(std::span<std::byte const> frame) const noexcept {
    if (algorithm_ != abi::netif_ctrl_hash_algorithm_toeplitz) {
        return std::nullopt;
    }
    auto const h = read_headers(frame);
    if (!h) {
        return std::nullopt;
    }
    constexpr std::size_t ports_size = 4;
    auto const address_at = h->network + (h->is_v6 ? 8U : 12U);
    std::size_t const address_size = h->is_v6 ? 32 : 8;
    auto const with_ports =
        h->is_v6 ? abi::netif_ctrl_hash_type_ipv6_tcp : abi::netif_ctrl_hash_type_ipv4_tcp;
    auto const without = h->is_v6 ? abi::netif_ctrl_hash_type_ipv6 : abi::netif_ctrl_hash_type_ipv4;
    std::array<std::byte, 36> input;
    auto size = address_size;
    std::memcpy(input.data(), frame.data() + address_at, address_size);
    std::uint8_t type =
        h->is_v6 ? abi::netif_ctrl_hash_type_ipv6_bit : abi::netif_ctrl_hash_type_ipv4_bit;
    if (h->protocol == protocol_tcp && (flags_ & with_ports) != 0) {
        std::memcpy(input.data() + size, frame.data() + h->transport, ports_size);
        size += ports_size;
        type = h->is_v6 ? abi::netif_ctrl_hash_type_ipv6_tcp_bit
                        : abi::netif_ctrl_hash_type_ipv4_tcp_bit;
    } else if ((flags_ & without) == 0) {
        return std::nullopt;
    }
    return frame_hash{type, toeplitz(std::span(input).first(size))};
}

std::uint32_t hash_control::queue_of(frame_hash const& h) const noexcept {
    return mapping_.empty() ? h.value % queue_count_ : mapping_[h.value % mapping_.size()];
}

control_queue::control_queue(std::span<std::byte> page)
    : ring_(page.data(),
            page.size(),
            ring::answered_in(page.data()),
            ring::answered_in(page.data())) {}

bool control_queue::run(hash_control& control, vif_pages& pages) {
    // A guest that keeps asking gets an answer a slot, and its next turn with its next event.
    for (std::uint32_t i = 0; i <= ring_.size(); ++i) {
        auto waiting = ring_.waiting();
        if (waiting && *waiting == 0) {
            waiting = ring_.wait_for_more();
        }
        is_broken_ = is_broken_ || !waiting;
        if (is_broken_ || *waiting == 0) {
            break;
        }
        abi::netif_ctrl_request r;
        ring_.take(r);
        ring_.put(control.answer(r, pages));
    }
    return ring_.push();
}

} // namespace xenpp::dev
