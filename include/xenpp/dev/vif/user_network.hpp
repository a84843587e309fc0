// SPDX-License-Identifier: Apache-2.0
// The way out that needs no privilege: a guest's connections become this process's, by libslirp.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vif/config.hpp>
#include <xenpp/dev/vif/frame.hpp>
#include <xenpp/dev/xenbus/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace xenpp::dev {

/// A network of its own for what is plugged in: 10.0.2.0/24 and fec0::/64 with the host at
/// 10.0.2.2, a name server at 10.0.2.3, and addresses given by DHCP from 10.0.2.15 on. The host's
/// 127.0.0.1 is 10.0.2.2 to the guest; nothing reaches the guest but by a forwarded port.
///
/// Each of a guest's connections is a socket of this process's. Who has `most_sockets` of them is
/// as on a network that loses all packets that could need another one.
class user_network final : public frame_sink {
public:
    static constexpr std::size_t most_sockets = 256;

    struct config {
        std::uint16_t mtu = 1500;
        std::vector<vif_forward> forwards;
    };

    /// Frames for the guest go to `to`, which outlives this object, as do the services. EADDRINUSE
    /// and others: a port that cannot be forwarded, and why.
    static result<std::unique_ptr<user_network>>
    create(config const& c, backend_services& services, frame_sink& to);

    ~user_network() override;

    void take(frame const& f) override;
    void flush() override;

private:
    struct state;

    explicit user_network(std::unique_ptr<state> s) noexcept;

    std::unique_ptr<state> state_;
};

} // namespace xenpp::dev
