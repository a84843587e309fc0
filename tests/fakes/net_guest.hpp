// SPDX-License-Identifier: Apache-2.0
// The frontend of a network interface with its granted pages, as a guest's driver has them.
#pragma once

#include <xenpp/abi/io/netif.hpp>
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace xenpp::fakes {

/// Grants are page numbers; a page that was not granted cannot be copied.
class granted_pages final : public dev::vif_pages {
public:
    using page = std::array<std::byte, page_size>;

    grant_ref grant() {
        pages_.push_back(std::make_unique<page>());
        return grant_ref(static_cast<std::uint32_t>(pages_.size() - 1));
    }

    page& operator[](grant_ref r) { return *pages_[r.raw()]; }

    void revoke(grant_ref r) { pages_[r.raw()].reset(); }

    void copy(std::span<transport::grant_copy> pieces) override {
        ++copies;
        for (auto& p : pieces) {
            p.is_done = p.ref.raw() < pages_.size() && pages_[p.ref.raw()] != nullptr;
            if (p.is_done && p.to_grant) {
                std::memcpy(pages_[p.ref.raw()]->data() + p.offset, p.local.data(), p.local.size());
            } else if (p.is_done) {
                std::memcpy(p.local.data(), pages_[p.ref.raw()]->data() + p.offset, p.local.size());
            }
        }
    }

    std::size_t copies = 0; ///< calls

private:
    std::vector<std::unique_ptr<page>> pages_;
};

/// One queue's rings, and its driver.
class net_guest {
public:
    using frame_bytes = std::vector<std::byte>;

    /// The id of a slot is its grant's number and this.
    static constexpr std::uint32_t first_id = 1000;

    struct received {
        frame_bytes bytes;
        std::uint16_t flags = 0;
        std::vector<abi::netif_extra_info> extras;
        bool is_error = false;
    };

    net_guest() : tx_(tx_page_.data(), tx_page_.size()), rx_(rx_page_.data(), rx_page_.size()) {}

    dev::vif_queue_rings rings() {
        return {tx_page_, rx_page_, [this] { ++tx_events; }, [this] { ++rx_events; }};
    }

    granted_pages& pages() { return pages_; }

    std::span<std::byte> tx_page() { return tx_page_; }

    std::span<std::byte> rx_page() { return rx_page_; }

    /// Puts one request as it is.
    void put(abi::netif_tx_request const& r) { tx_.put(r); }

    void put_extra(abi::netif_extra_info const& e) {
        abi::netif_tx_request r{};
        std::memcpy(&r, &e, sizeof e);
        tx_.put(r);
    }

    /// Puts a frame into as many pages as it takes.
    void send(frame_bytes const& bytes,
              std::uint32_t flags = 0,
              std::vector<abi::netif_extra_info> const& extras = {}) {
        for (std::size_t at = 0; at < bytes.size(); at += page_size) {
            auto const part = std::min(page_size, bytes.size() - at);
            auto const ref = pages_.grant();
            std::memcpy(pages_[ref].data(), bytes.data() + at, part);
            abi::netif_tx_request r{};
            r.gref = ref.raw();
            r.id = static_cast<std::uint16_t>(ref.raw() + first_id);
            r.size = static_cast<std::uint16_t>(at == 0 ? bytes.size() : part);
            r.flags = static_cast<std::uint16_t>(
                (at == 0 ? flags : 0) |
                (at + part < bytes.size() ? abi::nettxf_more_data : std::uint32_t{0}) |
                (at == 0 && !extras.empty() ? abi::nettxf_extra_info : std::uint32_t{0}));
            tx_.put(r);
            if (at == 0) {
                for (auto const& e : extras) {
                    put_extra(e);
                }
            }
        }
        tx_.push();
    }

    bool push() { return tx_.push(); }

    std::vector<abi::netif_tx_response> answers() {
        std::vector<abi::netif_tx_response> all;
        while (tx_.wait_for_more().value() != 0) {
            tx_.take(all.emplace_back());
        }
        return all;
    }

    /// Offers pages to receive into.
    void offer(std::size_t count) {
        for (; count != 0; --count) {
            auto const ref = pages_.grant();
            offered_.push_back(ref);
            rx_.put({static_cast<std::uint16_t>(offered_.size() - 1), 0, ref.raw()});
        }
        rx_.push();
    }

    std::vector<received> receive() {
        std::vector<received> all;
        while (rx_.wait_for_more().value() != 0) {
            auto& r = all.emplace_back();
            bool is_first = true;
            for (bool has_more = true; has_more;) {
                abi::netif_rx_response slot;
                rx_.take(slot);
                auto const ref = offered_[next_++];
                if (is_first) {
                    r.flags = slot.flags;
                }
                for (bool extra = is_first && (slot.flags & abi::netrxf_extra_info) != 0; extra;) {
                    abi::netif_rx_response raw;
                    rx_.take(raw);
                    ++next_;
                    std::memcpy(&r.extras.emplace_back(), &raw, sizeof raw);
                    extra = (r.extras.back().flags & abi::netif_extra_flag_more) != 0;
                }
                r.is_error = r.is_error || slot.status < 0;
                if (slot.status > 0) {
                    auto const* from = pages_[ref].data() + slot.offset;
                    r.bytes.insert(r.bytes.end(), from, from + slot.status);
                }
                has_more = (slot.flags & abi::netrxf_more_data) != 0;
                is_first = false;
            }
        }
        return all;
    }

    /// The grants of all pages offered so far, in order.
    std::vector<grant_ref> const& offered() const { return offered_; }

    int tx_events = 0;
    int rx_events = 0;

private:
    using tx_ring = ring::front_ring<abi::netif_tx_request, abi::netif_tx_response>;
    using rx_ring = ring::front_ring<abi::netif_rx_request, abi::netif_rx_response>;

    alignas(page_size) granted_pages::page tx_page_{};
    alignas(page_size) granted_pages::page rx_page_{};
    granted_pages pages_;
    tx_ring tx_;
    rx_ring rx_;
    std::vector<grant_ref> offered_;
    std::size_t next_ = 0;
};

/// Keeps what it is given.
class frame_log final : public dev::frame_sink {
public:
    struct entry {
        std::vector<std::byte> bytes;
        dev::frame what;
    };

    void take(dev::frame const& f) override {
        frames.push_back({{f.bytes.begin(), f.bytes.end()}, f});
    }

    void flush() override { ++flushes; }

    std::vector<entry> frames;
    int flushes = 0;
};

} // namespace xenpp::fakes
