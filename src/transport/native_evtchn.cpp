// SPDX-License-Identifier: Apache-2.0
// Event channels by Linux's /dev/xen/evtchn.
#include <fcntl.h>
#include <transport/native_doors.hpp>
#include <transport/native_ioctl.hpp>
#include <unistd.h>

#include <cerrno>

namespace xenpp::transport::native {
namespace {

class evtchn_device final : public event_channels {
public:
    explicit evtchn_device(os::unique_fd fd) noexcept : fd_(std::move(fd)) {}

    int fd() const noexcept override { return fd_.get(); }

    result<std::optional<evtchn_port>> pending() override {
        std::uint32_t port = 0;
        auto const n = ::read(fd_.get(), &port, sizeof port);
        if (n == static_cast<ssize_t>(sizeof port)) {
            return std::optional(evtchn_port(port));
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return std::optional<evtchn_port>();
        }
        return fail("receive event", n < 0 ? errno : EIO, "/dev/xen/evtchn");
    }

    result<void> unmask(evtchn_port port) override {
        auto const number = port.raw();
        while (::write(fd_.get(), &number, sizeof number) < 0) {
            if (errno != EINTR) {
                return fail("unmask event channel", errno);
            }
        }
        return {};
    }

    result<void> notify(evtchn_port port) override {
        evtchn_port_argument a{port.raw()};
        return outcome("notify event channel", evtchn_ioctl_notify, &a);
    }

    result<evtchn_port> bind_virq(unsigned virq) override {
        evtchn_bind_virq a{virq};
        return port("bind virq", evtchn_ioctl_bind_virq, &a);
    }

    result<evtchn_port> bind_interdomain(domid remote, evtchn_port remote_port) override {
        evtchn_bind_interdomain a{remote.raw(), remote_port.raw()};
        return port("bind event channel", evtchn_ioctl_bind_interdomain, &a);
    }

    result<evtchn_port> bind_unbound(domid remote) override {
        evtchn_bind_unbound_port a{remote.raw()};
        return port("allocate event channel", evtchn_ioctl_bind_unbound_port, &a);
    }

    result<void> unbind(evtchn_port port) override {
        evtchn_port_argument a{port.raw()};
        return outcome("unbind event channel", evtchn_ioctl_unbind, &a);
    }

private:
    result<evtchn_port> port(std::string_view operation, unsigned long number, void* argument) {
        auto const status = device_call(fd_.get(), number, argument);
        if (status < 0) {
            return fail(operation, static_cast<int>(-status));
        }
        return evtchn_port(static_cast<std::uint32_t>(status));
    }

    result<void> outcome(std::string_view operation, unsigned long number, void* argument) {
        auto const status = device_call(fd_.get(), number, argument);
        if (status < 0) {
            return fail(operation, static_cast<int>(-status));
        }
        return {};
    }

    os::unique_fd fd_;
};

} // namespace

result<std::unique_ptr<event_channels>> open_evtchn_device(options const& o) {
    auto fd = XENPP_TRY(open_device("evtchn", O_NONBLOCK));
    if (o.restrict_to) {
        evtchn_restrict_domid a{o.restrict_to->raw()};
        auto const status = device_call(fd.get(), evtchn_ioctl_restrict_domid, &a);
        if (status < 0) {
            return fail("restrict event channels", static_cast<int>(-status));
        }
    }
    return std::unique_ptr<event_channels>(std::make_unique<evtchn_device>(std::move(fd)));
}

} // namespace xenpp::transport::native
