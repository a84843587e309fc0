// SPDX-License-Identifier: Apache-2.0
// One network interface of a guest, between its rings and where its frames go.
#pragma once

#include <xenpp/dev/vif/control_queue.hpp>
#include <xenpp/dev/vif/credit.hpp>
#include <xenpp/dev/vif/frame.hpp>
#include <xenpp/dev/vif/rx_queue.hpp>
#include <xenpp/dev/vif/tx_queue.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xenpp::dev {

/// What the frontend can do with a frame, from its nodes in xenstore.
struct vif_features {
    bool scatter_gather = false; ///< a frame may lie in several pages
    bool gso_tcpv4 = false;
    bool gso_tcpv6 = false;
    bool ipv4_checksum = true; ///< a blank checksum is all right
    bool ipv6_checksum = false;
    bool multicast_control = false; ///< it says which groups it wants
};

/// What went through an interface, seen from the host as Linux counts it: `rx` is what the guest
/// sent.
struct vif_statistics {
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_errors = 0;
    std::uint64_t rx_drops = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_errors = 0;
    std::uint64_t tx_drops = 0;
};

/// The rings of one queue and how to send the events of each.
struct vif_queue_rings {
    std::span<std::byte> tx;
    std::span<std::byte> rx;
    std::function<void()> notify_tx;
    std::function<void()> notify_rx;
};

/// The engine: it knows neither xenstore nor event channels. As a sink it takes what is for the
/// guest; what the guest sends goes to `out`.
class vif_interface final : public frame_sink, private tx_handler {
public:
    struct config {
        vif_features features = {};
        std::optional<vif_rate> rate = {};
        bool is_resumed = false; ///< another backend served these rings before
    };

    /// The rings stay mapped for the life of this object, and `pages` and `out` live longer.
    vif_interface(config const& c,
                  std::vector<vif_queue_rings> const& queues,
                  vif_pages& pages,
                  frame_sink& out);
    ~vif_interface() override;

    /// The guest may have control requests from now on.
    void add_control(std::span<std::byte> page, std::function<void()> notify);

    /// Takes what a queue's guest sent. See `tx_outcome`; `more`: to be called again soon.
    tx_outcome send(std::size_t index, std::uint64_t now_us);

    /// When a queue that has no credit is to be called again.
    std::uint64_t ready_at() const noexcept { return credit_.ready_at(); }

    /// The guest may have offered pages to receive into.
    void receive(std::size_t index);

    void control();

    void take(frame const& f) override;
    void flush() override;

    std::size_t queue_count() const noexcept { return queues_.size(); }

    /// Why the interface is served no more; empty while it is.
    std::string const& broken() const noexcept { return broken_; }

    vif_statistics statistics() const noexcept;

private:
    struct queue {
        tx_queue tx;
        rx_queue rx;
        std::function<void()> notify_tx;
        std::function<void()> notify_rx;
        bool is_touched = false; ///< has taken frames since the last flush
    };

    static constexpr std::size_t most_groups = 64;

    void sent(frame const& f) override;
    void refused() override;
    bool change_multicast(mac_address const& group, bool is_added) override;

    bool is_wanted(frame const& f) const noexcept;
    bool can_use(frame const& f) const noexcept;
    void take_finished(frame const& f);
    void take_changed(frame const& f);
    void flush_queue(queue& q);
    void note_broken(std::string_view what, std::string_view why);

    vif_features features_;
    credit credit_;
    vif_pages& pages_;
    frame_sink& out_;
    std::vector<std::unique_ptr<queue>> queues_;
    hash_control hashes_;
    std::optional<control_queue> control_;
    std::function<void()> notify_control_;
    std::vector<mac_address> groups_;
    std::vector<std::vector<std::byte>> changed_; ///< frames that were not the guest's to finish
    std::size_t changed_in_use_ = 0;
    vif_statistics counts_;
    std::string broken_;
};

} // namespace xenpp::dev
