// SPDX-License-Identifier: Apache-2.0
// Journal first, then replies: the order of a hosted server.
#include <xenpp/store/service.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace xenpp::store {

namespace {

// A guest that never stops asking gets this many turns before others have theirs.
constexpr int turns_per_event = 4;

bool add_to(int epoll, int fd) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = fd;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/// A memory connection whose requests take effect outside before they return.
class settling_connection final : public connection {
public:
    explicit settling_connection(service& s)
        : service_(s), inner_(connect_memory(s.core(), dom0, true)) {}

    result<message> ask(message request) override {
        auto reply = inner_->ask(std::move(request));
        XENPP_TRY(service_.settle());
        return reply;
    }

    result<std::optional<message>> next_event(int timeout_ms) override {
        return inner_->next_event(timeout_ms);
    }

    int event_fd() const noexcept override { return inner_->event_fd(); }

private:
    service& service_;
    std::unique_ptr<connection> inner_;
};

} // namespace

service::~service() {
    sockets_.reset();
    for (int const fd : {epoll_, wake_}) {
        if (fd >= 0) {
            ::close(fd);
        }
    }
}

result<std::unique_ptr<service>> service::open(service_options const& options, guest_rings& rings) {
    std::unique_ptr<service> s(new service(options.limits, rings));
    XENPP_TRY(s->start(options));
    return s;
}

result<void> service::start(service_options const& options) {
    if (!options.journal.empty()) {
        journal_.emplace(XENPP_TRY(journal::open(options.journal, server_)));
    }
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || wake_ < 0 || !add_to(epoll_, wake_)) {
        return fail("start xenstore", errno);
    }
    if (!options.socket.empty()) {
        sockets_.emplace(XENPP_TRY(socket_server::listen(options.socket, server_)));
        if (!add_to(epoll_, sockets_->event_fd())) {
            return fail("start xenstore", errno);
        }
    }
    for (auto const& info : server_.domains()) {
        if (introduced(info) == errc::ok) {
            wake_for(info.domain);
        }
    }
    XENPP_TRY(settle());
    // A notification may have been due when the last process ended.
    for (auto const& [d, ring] : open_rings_) {
        rings_.notify(d);
    }
    return {};
}

errc service::introduced(domain_info const& info) {
    open_rings_.erase(info.domain);
    auto* const page = rings_.map(info);
    auto const c = server_.ring_connection(info.domain);
    if (page == nullptr || !c) {
        return errc::inval;
    }
    open_rings_.try_emplace(info.domain, server_, *c, *page);
    return errc::ok;
}

void service::released(domid d) {
    busy_.erase(d);
    open_rings_.erase(d);
    rings_.unmap(d);
}

void service::wake_for(domid d) {
    busy_.insert(d);
    std::uint64_t const one = 1;
    // It can fail only when the counter is full, that is, when it wakes anyway.
    static_cast<void>(::write(wake_, &one, sizeof one) == sizeof one);
}

result<void> service::settle() {
    if (journal_) {
        XENPP_TRY(journal_->commit(server_));
    }
    for (auto& [d, ring] : open_rings_) {
        bool const is_published = ring.publish();
        if (ring.send() || is_published) {
            rings_.notify(d);
        }
    }
    if (sockets_) {
        sockets_->send();
    }
    return {};
}

result<void> service::ring_event(domid d) {
    busy_.erase(d);
    for (int turn = 0; turn < turns_per_event; ++turn) {
        auto const at = open_rings_.find(d);
        if (at == open_rings_.end()) {
            return {};
        }
        bool const has_taken = at->second.receive();
        XENPP_TRY(settle());
        if (server_.is_congested()) {
            break; // the guest has sent its event, and sends no other
        }
        if (!has_taken) {
            return {};
        }
    }
    wake_for(d);
    return {};
}

result<void> service::dispatch() {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_, &count, sizeof count) == sizeof count);
    if (sockets_) {
        XENPP_TRY(sockets_->receive());
    }
    XENPP_TRY(settle());
    for (auto const d : std::exchange(busy_, {})) {
        XENPP_TRY(ring_event(d));
    }
    return {};
}

result<void> service::domain_gone(domid d) {
    server_.domain_gone(d);
    return settle();
}

result<void> service::domain_shutdown(domid d) {
    server_.domain_shutdown(d);
    return settle();
}

std::unique_ptr<connection> service::connect() {
    return std::make_unique<settling_connection>(*this);
}

} // namespace xenpp::store
