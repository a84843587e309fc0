// SPDX-License-Identifier: Apache-2.0
// A learning Ethernet switch between the interfaces of one process.
#pragma once

#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/vif/frame.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace xenpp::dev {

/// Frames go to the port behind which their address was last seen, and to all others if it was
/// never. What one port can make it remember is bounded, so that no port loses by another's doing.
class net_switch {
public:
    static constexpr std::size_t most_addresses_of_port = 256;

    net_switch() noexcept = default;
    net_switch(net_switch const&) = delete;
    net_switch& operator=(net_switch const&) = delete;
    /// Every port is gone by then.
    ~net_switch() = default;

    /// Where one thing is plugged in: a sink for what it sends. Unplugs it when it goes.
    class port final : public frame_sink {
    public:
        port(net_switch& s, frame_sink& to) noexcept : switch_(s), to_(to) {}

        ~port() override;

        void take(frame const& f) override { switch_.forward(*this, f); }

        void flush() override { switch_.flush(); }

    private:
        friend class net_switch;

        net_switch& switch_;
        frame_sink& to_;
        std::size_t addresses_ = 0;
        bool is_touched_ = false;
    };

    /// What is for whom is plugged in goes to `to`, which outlives the port.
    std::unique_ptr<port> plug(frame_sink& to);

    std::size_t port_count() const noexcept { return ports_.size(); }

    std::size_t address_count() const noexcept { return addresses_.size(); }

private:
    void forward(port& from, frame const& f);
    void learn(port& from, mac_address const& source);
    static void give(port& to, frame const& f);
    void flush();
    void unplug(port& p) noexcept;

    std::vector<port*> ports_;
    std::map<mac_address, port*> addresses_;
};

} // namespace xenpp::dev
