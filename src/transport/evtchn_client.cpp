// SPDX-License-Identifier: Apache-2.0
// Events as a client sees them.
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/unix_socket.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <sys/socket.h>
#include <transport/evtchn_client.hpp>
#include <unistd.h>

#include <cerrno>

namespace xenpp::transport {

namespace {

class socket_binder final : public evtchn_binder {
public:
    explicit socket_binder(os::unique_fd socket) noexcept : socket_(std::move(socket)) {}

    evtchn_reply request(evtchn_request const& r) override {
        evtchn_reply reply{};
        if (::send(socket_.get(), &r, sizeof r, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof r)) {
            return {EPIPE, 0};
        }
        ssize_t n = -1;
        do {
            n = ::recv(socket_.get(), &reply, sizeof reply, 0);
        } while (n < 0 && errno == EINTR);
        return n == static_cast<ssize_t>(sizeof reply) ? reply : evtchn_reply{EPIPE, 0};
    }

private:
    os::unique_fd socket_;
};

class client_event_channels final : public event_channels {
public:
    client_event_channels(doors& d,
                          std::byte* window,
                          os::unique_fd events,
                          std::unique_ptr<evtchn_binder> binder) noexcept
        : doors_(d), bits_(window), events_(std::move(events)), binder_(std::move(binder)) {}

    int fd() const noexcept override { return events_.get(); }

    result<std::optional<evtchn_port>> pending() override {
        std::uint32_t port = 0;
        auto const n = ::read(events_.get(), &port, sizeof port);
        if (n == static_cast<ssize_t>(sizeof port)) {
            return std::optional(evtchn_port(port));
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return std::optional<evtchn_port>();
        }
        return fail("receive event", errc::io, "the event channel broker has gone; open them anew");
    }

    result<void> unmask(evtchn_port port) override {
        if (!bits_.unmask(port.raw())) {
            return {};
        }
        return outcome("unmask event channel", {evtchn_request_kind::rescan, port.raw(), 0});
    }

    result<void> notify(evtchn_port port) override { return doors_.send_event(port); }

    result<evtchn_port> bind_virq(unsigned virq) override {
        return bind("bind virq", {evtchn_request_kind::bind_virq, virq, 0});
    }

    result<evtchn_port> bind_interdomain(domid remote, evtchn_port remote_port) override {
        return bind("bind event channel",
                    {evtchn_request_kind::bind_interdomain, remote.raw(), remote_port.raw()});
    }

    result<evtchn_port> bind_unbound(domid remote) override {
        return bind("allocate event channel", {evtchn_request_kind::bind_unbound, remote.raw(), 0});
    }

    result<void> unbind(evtchn_port port) override {
        return outcome("unbind event channel", {evtchn_request_kind::unbind, port.raw(), 0});
    }

private:
    result<evtchn_port> bind(std::string_view operation, evtchn_request const& r) {
        auto const reply = binder_->request(r);
        if (reply.status != 0) {
            return fail(operation, reply.status);
        }
        return evtchn_port(reply.port);
    }

    result<void> outcome(std::string_view operation, evtchn_request const& r) {
        auto const reply = binder_->request(r);
        if (reply.status != 0) {
            return fail(operation, reply.status);
        }
        return {};
    }

    doors& doors_;
    evtchn_bits bits_;
    os::unique_fd events_;
    std::unique_ptr<evtchn_binder> binder_;
};

} // namespace

std::unique_ptr<event_channels> make_event_channels(doors& d,
                                                    std::byte* window,
                                                    os::unique_fd events,
                                                    std::unique_ptr<evtchn_binder> binder) {
    return std::make_unique<client_event_channels>(d, window, std::move(events), std::move(binder));
}

result<std::unique_ptr<event_channels>>
connect_event_channels(std::string const& path, doors& d, std::byte* window) {
    auto socket = XENPP_TRY(os::connect_unix(path, os::socket_kind::packet));
    auto events = XENPP_TRY(os::receive_descriptor(socket.get()));
    return make_event_channels(d, window, std::move(events),
                               std::make_unique<socket_binder>(std::move(socket)));
}

} // namespace xenpp::transport
