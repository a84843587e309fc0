// SPDX-License-Identifier: Apache-2.0
// What a kind of device implements, and what it may use of the process it runs in.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/transport/doors.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::dev {

/// The process that backends run in. One thread: nothing here is called from another.
class backend_services {
public:
    backend_services() noexcept = default;
    backend_services(backend_services const&) = delete;
    backend_services& operator=(backend_services const&) = delete;

    virtual transport::doors& doors() noexcept = 0;

    /// Binds an event channel that a domain offers. `fired` runs when an event comes, and once
    /// soon after binding; it may unbind.
    virtual result<evtchn_port>
    bind(domid remote, evtchn_port remote_port, std::function<void()> fired) = 0;
    virtual void unbind(evtchn_port port) noexcept = 0;
    virtual void notify(evtchn_port port) noexcept = 0;

    /// Runs `ready` whenever `fd` is readable, or writable if `to_write`, until it is removed.
    /// Adding a descriptor again replaces what was said of it, also where its number means another
    /// open file by now. Who closes one removes its number in the same call: the next to open
    /// something may get it.
    virtual result<void> add_fd(int fd, std::function<void()> ready, bool to_write = false) = 0;
    virtual void remove_fd(int fd) noexcept = 0;

    /// Runs `what` once, in this turn of the loop or the next: for work that is to give others
    /// their turn. Whoever asks must still be there then.
    virtual void later(std::function<void()> what) = 0;

    /// A file in the state folder that outlives this process, for what its successor must know;
    /// empty: there is none, nobody will succeed.
    virtual std::string state_file(std::string_view name) const = 0;

    /// A line that begins with whom it is about and ": ". Who has many is not heard for a while.
    virtual void log(std::string_view line) = 0;

protected:
    ~backend_services() = default;
};

/// What a backend is made with. The references outlive it.
struct backend_context {
    device_address address;
    store::client& store;
    backend_services& services;
    /// To be called when what `prepare` began is over: it is called again then.
    std::function<void()> prepared;
    /// To be called when something is done that `disconnect` said would take longer.
    std::function<void()> disconnected;
    /// To be called when the device cannot go on: it is closed, and the reason written for the
    /// toolstack. Not from within the calls of `backend`, which return errors.
    std::function<void(error)> failed;

    std::string node(std::string_view name) const {
        return backend_path(address) + "/" + std::string(name);
    }

    std::string frontend_node(std::string_view name) const {
        return frontend_path(address) + "/" + std::string(name);
    }
};

/// One device, as its backend sees it. The bus calls the members in the order prepare, connect,
/// disconnect, and again from any of them; never from within one of them.
class backend {
public:
    backend() noexcept = default;
    backend(backend const&) = delete;
    backend& operator=(backend const&) = delete;
    /// Only once `disconnect` is done, or the process ends: then all stays for its successor.
    virtual ~backend() = default;

    /// Opens what is behind the device. The answer is what to tell the frontend that it can do
    /// ("feature-..."), written before the state becomes init_wait. Nothing: it takes longer, and
    /// `backend_context::prepared` will be called. May be called at any time while not connected.
    virtual result<std::optional<node_list>> prepare() = 0;

    /// Reads what the frontend wants, maps its rings, binds its event channel, and serves. The
    /// answer is written before the state becomes connected. An error closes the device.
    ///
    /// `is_resumed`: an earlier process was connected and died; the frontend knows nothing of it.
    virtual result<node_list> connect(bool is_resumed) = 0;

    /// Stops serving and lets go of all that is the frontend's, which may be gone. False: that
    /// takes longer, and `backend_context::disconnected` will be called. Harmless when not
    /// connected.
    virtual bool disconnect() noexcept = 0;

    /// What went through a connected device, with the names that xentop looks for below its
    /// "statistics". Empty: nobody counts.
    virtual node_list statistics() const { return {}; }
};

/// A kind of device and how to make its backend.
struct backend_kind {
    std::string_view name; ///< in xenstore: "vbd"
    std::function<result<std::unique_ptr<backend>>(backend_context context)> create;
};

} // namespace xenpp::dev
