// SPDX-License-Identifier: Apache-2.0
// The switches of a host by name, each with a socket through which its processes take part.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vif/net_switch.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace xenpp::dev {

/// One switch while anything of a guest's is plugged in. Whoever connects to its socket, of kind
/// SOCK_SEQPACKET, is one more port: a packet is a frame, with all checksums and as long as on a
/// wire.
class named_switch {
public:
    /// `path` empty: no socket. `services` outlive it.
    static result<std::shared_ptr<named_switch>> create(backend_services& services,
                                                        std::string path);

    named_switch(named_switch const&) = delete;
    named_switch& operator=(named_switch const&) = delete;
    ~named_switch();

    net_switch& ports() noexcept { return switch_; }

private:
    class member;

    named_switch(backend_services& services, std::string path) noexcept;

    void accept();
    void drop(member const& m);

    backend_services& services_;
    std::string path_;
    os::unique_fd listener_;
    net_switch switch_;
    std::vector<std::unique_ptr<member>> members_;
};

/// Those in use; one that nobody uses any more is gone.
class switches {
public:
    /// The socket of switch NAME is the state file "switch-NAME".
    result<std::shared_ptr<named_switch>> open(backend_services& services, std::string const& name);

private:
    std::map<std::string, std::weak_ptr<named_switch>> by_name_;
};

} // namespace xenpp::dev
