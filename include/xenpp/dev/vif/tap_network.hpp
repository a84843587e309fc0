// SPDX-License-Identifier: Apache-2.0
// The way out by a TAP device, which a hotplug script joins to a bridge.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vif/frame.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace xenpp::dev {

class tap_network final : public frame_sink {
public:
    /// Frames for the guest go to `to`, which outlives this object, as do the services. The device
    /// exists as long as this object. Errors as of `os::open_tap`.
    static result<std::unique_ptr<tap_network>>
    create(std::string const& name, backend_services& services, frame_sink& to);

    ~tap_network() override;

    void take(frame const& f) override;

    void flush() override {}

private:
    tap_network(os::unique_fd tap, backend_services& services, frame_sink& to);

    void receive();

    os::unique_fd tap_;
    backend_services& services_;
    frame_sink& to_;
    std::vector<std::vector<std::byte>> buffers_;
};

} // namespace xenpp::dev
