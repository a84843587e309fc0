// SPDX-License-Identifier: Apache-2.0
// Switches with sockets.
#include <xenpp/dev/vif/finished_frame.hpp>
#include <xenpp/dev/vif/switches.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xenpp::dev {

/// A process at the socket. What it has no room for is dropped, as on any wire.
class named_switch::member final : public frame_sink {
public:
    member(named_switch& s, os::unique_fd socket)
        : owner_(s), socket_(std::move(socket)), port_(s.switch_.plug(*this)) {}

    ~member() override { owner_.services_.remove_fd(socket_.get()); }

    result<void> serve() {
        return owner_.services_.add_fd(socket_.get(), [this] { receive(); });
    }

    void take(frame const& f) override {
        finisher_.finish(f, [this](std::span<std::byte const> bytes) {
            static_cast<void>(
                ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
        });
    }

    void flush() override {}

private:
    /// Some frames, so that others have their turn too.
    void receive() {
        constexpr int most_frames = 32;
        for (int i = 0; i < most_frames; ++i) {
            auto const n = ::recv(socket_.get(), bytes_.data(), bytes_.size(), MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                owner_.drop(*this); // that is the end of this object
                return;
            }
            if (n < 0) {
                return;
            }
            port_->take({.bytes = std::span(bytes_).first(static_cast<std::size_t>(n))});
            port_->flush();
        }
    }

    named_switch& owner_;
    os::unique_fd socket_;
    frame_finisher finisher_;
    std::array<std::byte, 65536> bytes_;
    std::unique_ptr<net_switch::port> port_;
};

result<std::shared_ptr<named_switch>> named_switch::create(backend_services& services,
                                                           std::string path) {
    std::shared_ptr<named_switch> s(new named_switch(services, std::move(path)));
    if (!s->path_.empty()) {
        s->listener_ = XENPP_TRY(os::listen_unix(s->path_, os::socket_kind::packet));
        XENPP_TRY(services.add_fd(s->listener_.get(), [raw = s.get()] { raw->accept(); }));
    }
    return s;
}

named_switch::named_switch(backend_services& services, std::string path) noexcept
    : services_(services), path_(std::move(path)) {}

named_switch::~named_switch() {
    if (listener_) {
        services_.remove_fd(listener_.get());
        ::unlink(path_.c_str());
    }
}

void named_switch::accept() {
    auto socket = os::accept_unix(listener_.get());
    if (!socket || !*socket) {
        return;
    }
    auto m = std::make_unique<member>(*this, *std::move(socket));
    if (m->serve()) {
        members_.push_back(std::move(m));
    }
}

void named_switch::drop(member const& m) {
    std::erase_if(members_, [&m](auto const& one) { return one.get() == &m; });
}

result<std::shared_ptr<named_switch>> switches::open(backend_services& services,
                                                     std::string const& name) {
    auto& known = by_name_[name];
    auto s = known.lock();
    if (s == nullptr) {
        s = XENPP_TRY(named_switch::create(services, services.state_file("switch-" + name)));
        known = s;
    }
    return s;
}

} // namespace xenpp::dev
