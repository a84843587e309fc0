// SPDX-License-Identifier: Apache-2.0
// Frames between a guest's queues and where they go.
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/dev/vif/packet.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace xenpp::dev {

namespace {

bool is_broadcast(std::span<std::byte const> frame) noexcept {
    return std::ranges::all_of(frame.first(6), [](std::byte b) { return b == std::byte{0xff}; });
}

} // namespace

vif_interface::vif_interface(config const& c,
                             std::vector<vif_queue_rings> const& queues,
                             vif_pages& pages,
                             frame_sink& out)
    : features_(c.features)
    , credit_(c.rate)
    , pages_(pages)
    , out_(out)
    , hashes_(static_cast<std::uint32_t>(queues.size())) {
    for (auto const& q : queues) {
        queues_.push_back(std::make_unique<queue>(
            queue{tx_queue(q.tx, c.is_resumed), rx_queue(q.rx), q.notify_tx, q.notify_rx}));
    }
}

vif_interface::~vif_interface() = default;

void vif_interface::add_control(std::span<std::byte> page, std::function<void()> notify) {
    control_.emplace(page);
    notify_control_ = std::move(notify);
}

tx_outcome vif_interface::send(std::size_t index, std::uint64_t now_us) {
    if (!broken_.empty()) {
        return tx_outcome::broken;
    }
    auto& q = *queues_[index];
    bool wants_event = false;
    auto const outcome = q.tx.run(pages_, credit_, now_us, *this, wants_event);
    out_.flush();
    if (wants_event) {
        q.notify_tx();
    }
    if (outcome == tx_outcome::broken) {
        note_broken("transmit", q.tx.broken());
    }
    return outcome;
}

void vif_interface::receive(std::size_t index) {
    if (broken_.empty()) {
        flush_queue(*queues_[index]);
    }
}

void vif_interface::control() {
    if (!broken_.empty() || !control_) {
        return;
    }
    if (control_->run(hashes_, pages_)) {
        notify_control_();
    }
    if (control_->is_broken()) {
        note_broken("control", "its index of requests cannot be");
    }
}

void vif_interface::sent(frame const& f) {
    ++counts_.rx_packets;
    counts_.rx_bytes += f.bytes.size();
    out_.take(f);
}

void vif_interface::refused() {
    ++counts_.rx_errors;
}

bool vif_interface::change_multicast(mac_address const& group, bool is_added) {
    auto const found = std::ranges::find(groups_, group);
    if (!is_added) {
        if (found != groups_.end()) {
            groups_.erase(found);
        }
        return true;
    }
    if (found != groups_.end()) {
        return true;
    }
    if (groups_.size() == most_groups || !features_.multicast_control) {
        return false;
    }
    groups_.push_back(group);
    return true;
}

/// Of frames to a group, those that the guest asked for, if it does that.
bool vif_interface::is_wanted(frame const& f) const noexcept {
    if (f.bytes.size() < ethernet_header_size) {
        return false;
    }
    mac_address to;
    std::memcpy(to.bytes.data(), f.bytes.data(), to.bytes.size());
    return !features_.multicast_control || !to.is_multicast() || is_broadcast(f.bytes) ||
           std::ranges::find(groups_, to) != groups_.end();
}

/// Whether the guest can finish what the sender left open.
bool vif_interface::can_use(frame const& f) const noexcept {
    if (f.bytes.size() > page_size && !features_.scatter_gather) {
        return false;
    }
    if (f.gso != gso_type::none) {
        return f.gso == gso_type::tcpv4 ? features_.gso_tcpv4 : features_.gso_tcpv6;
    }
    if (!f.is_checksum_blank || (features_.ipv4_checksum && features_.ipv6_checksum)) {
        return true;
    }
    auto const h = read_headers(f.bytes);
    return h && (h->is_v6 ? features_.ipv6_checksum : features_.ipv4_checksum);
}

void vif_interface::take(frame const& f) {
    if (!broken_.empty() || !is_wanted(f)) {
        ++counts_.tx_drops;
    } else if (can_use(f)) {
        take_finished(f);
    } else {
        take_changed(f);
    }
}

void vif_interface::take_finished(frame const& f) {
    auto const hash = hashes_.hash(f.bytes);
    std::size_t index = 0;
    if (hash) {
        index = hashes_.queue_of(*hash);
    } else if (queues_.size() > 1) {
        index = flow_hash(f.bytes) % queues_.size();
    }
    auto& q = *queues_[index];
    q.is_touched = true;
    if (!q.rx.take(f, hash)) {
        ++counts_.tx_drops;
    }
}

/// Does the open work, in memory of our own that stays until the flush.
void vif_interface::take_changed(frame const& f) {
    auto const h = read_headers(f.bytes);
    if (!h || h->checksum == 0) {
        ++counts_.tx_drops;
        return;
    }
    auto const own_memory = [this](std::size_t size) {
        if (changed_in_use_ == changed_.size()) {
            changed_.emplace_back();
        }
        auto& bytes = changed_[changed_in_use_++];
        bytes.resize(size);
        return std::span(bytes);
    };
    if (f.gso == gso_type::none) {
        auto const bytes = own_memory(f.bytes.size());
        std::memcpy(bytes.data(), f.bytes.data(), bytes.size());
        if (f.is_checksum_blank) {
            fill_checksum(bytes, *h);
        }
        if (bytes.size() > page_size && !features_.scatter_gather) {
            ++counts_.tx_drops;
            return;
        }
        take_finished({.bytes = bytes, .is_checksum_good = true});
        return;
    }
    if (!is_valid_gso(f, *h)) {
        ++counts_.tx_drops;
        return;
    }
    auto const bytes = own_memory(size_of_segments(f, *h));
    cut_into_segments(f, *h, bytes, [&](std::span<std::byte const> segment) {
        if (segment.size() > page_size && !features_.scatter_gather) {
            ++counts_.tx_drops;
        } else {
            take_finished({.bytes = segment, .is_checksum_good = true});
        }
    });
}

void vif_interface::flush() {
    for (auto const& q : queues_) {
        if (q->is_touched && broken_.empty()) {
            flush_queue(*q);
        }
    }
    changed_in_use_ = 0;
}

void vif_interface::flush_queue(queue& q) {
    q.is_touched = false;
    if (q.rx.flush(pages_)) {
        q.notify_rx();
    }
    if (q.rx.is_broken()) {
        note_broken("receive", "its index of requests cannot be");
    }
}

void vif_interface::note_broken(std::string_view what, std::string_view why) {
    if (broken_.empty()) {
        broken_ = fmt::format("the frontend broke its {} ring: {}", what, why);
    }
}

vif_statistics vif_interface::statistics() const noexcept {
    auto all = counts_;
    for (auto const& q : queues_) {
        auto const& done = q->rx.done();
        all.tx_bytes += done.bytes;
        all.tx_packets += done.frames;
        all.tx_errors += done.errors;
    }
    return all;
}

} // namespace xenpp::dev
