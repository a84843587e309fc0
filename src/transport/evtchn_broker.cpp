// SPDX-License-Identifier: Apache-2.0
// The broker: who has which port of domain 0, and telling them of events.
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/unix_socket.hpp>
#include <xenpp/transport/evtchn_broker.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <transport/evtchn_bits.hpp>
#include <transport/evtchn_client.hpp>
#include <transport/evtchn_wire.hpp>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <optional>

namespace xenpp::transport {

namespace {

using client_number = std::uint64_t;
constexpr client_number listener_tag = 0;

/// What a port stands for: the request that would bind it.
struct binding {
    evtchn_request_kind kind;
    std::uint32_t a;
    std::uint32_t b;

    friend auto operator<=>(binding const&, binding const&) = default;
};

/// The broker keeps the reading end of the pipe too, so that a client that has died is no SIGPIPE.
struct client {
    os::unique_fd socket; ///< empty: in this process
    os::unique_fd read;
    os::unique_fd write;

    static result<client> create(os::unique_fd socket) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            return os::fail_errno("open event channels");
        }
        return client{std::move(socket), os::unique_fd(ends[0]), os::unique_fd(ends[1])};
    }

    /// The pipe has room: it holds more numbers than there are ports, each at most once.
    void tell(std::uint32_t port) const noexcept {
        static_cast<void>(!::write(write.get(), &port, sizeof port));
    }
};

class broker final : public evtchn_broker {
public:
    broker(doors& d, std::byte* window, os::poller p, os::unique_fd listener) noexcept
        : doors_(d)
        , window_(window)
        , bits_(window)
        , poller_(std::move(p))
        , listener_(std::move(listener)) {}

    int fd() const noexcept override { return poller_.fd(); }

    void dispatch() override;
    void deliver() override;
    result<std::unique_ptr<event_channels>> open() override;
    unsigned close_orphans() override;

    /// Finds the ports that are bound already.
    result<void> find_orphans();

    evtchn_reply request(client_number who, evtchn_request const& r);
    void forget(client_number who);

private:
    void accept();
    void serve(client_number who);
    void raise(std::uint32_t port);
    evtchn_reply bind(client_number who, binding const& what);
    evtchn_reply unbind(client_number who, std::uint32_t port);
    result<std::uint32_t> bind_anew(binding const& what);
    result<std::optional<binding>> look_at(std::uint32_t port, bool& exists);
    bool close(std::uint32_t port);

    template <class Op>
    result<std::int64_t> operate(abi::evtchn_op command, hypercall_buffer<Op> const& op) {
        return doors_.hypercall(static_cast<unsigned>(abi::hypercall::event_channel_op),
                                {static_cast<std::uint64_t>(command), op.address(), 0, 0, 0, 0});
    }

    doors& doors_;
    std::byte* window_;
    evtchn_bits bits_;
    os::poller poller_;
    os::unique_fd listener_;
    client_number next_client_ = listener_tag + 1;
    std::map<client_number, client> clients_;
    std::map<std::uint32_t, client_number> owners_; ///< of ports
    std::multimap<binding, std::uint32_t> orphans_; ///< ports of a broker before us
};

class local_binder final : public evtchn_binder {
public:
    local_binder(broker& b, client_number who) noexcept : broker_(b), who_(who) {}

    local_binder(local_binder const&) = delete;
    local_binder& operator=(local_binder const&) = delete;

    ~local_binder() override { broker_.forget(who_); }

    evtchn_reply request(evtchn_request const& r) override { return broker_.request(who_, r); }

private:
    broker& broker_;
    client_number who_;
};

void broker::dispatch() {
    for (auto const& r : poller_.wait(0)) {
        if (r.tag == listener_tag) {
            accept();
        } else if (clients_.contains(r.tag)) {
            serve(r.tag);
        }
    }
}

void broker::accept() {
    auto socket = os::accept_unix(listener_.get());
    if (!socket || !*socket) {
        return;
    }
    auto c = client::create(*std::move(socket));
    auto const who = next_client_++;
    if (c && os::send_descriptor(c->socket.get(), c->read.get()) &&
        poller_.add(c->socket.get(), who)) {
        clients_.emplace(who, *std::move(c));
    }
}

void broker::serve(client_number who) {
    auto const& c = clients_.at(who);
    evtchn_request r{};
    auto const n = ::recv(c.socket.get(), &r, sizeof r, MSG_TRUNC); // its real length
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n != static_cast<ssize_t>(sizeof r)) {
        forget(who); // gone, or it makes no sense
        return;
    }
    auto const reply = request(who, r);
    if (::send(c.socket.get(), &reply, sizeof reply, MSG_NOSIGNAL) < 0) {
        forget(who);
    }
}

void broker::forget(client_number who) {
    auto const c = clients_.find(who);
    if (c == clients_.end()) {
        return;
    }
    if (c->second.socket) {
        poller_.remove(c->second.socket.get());
    }
    clients_.erase(c);
    for (auto at = owners_.begin(); at != owners_.end();) {
        auto const [port, owner] = *at;
        if (owner == who) {
            close(port);
            at = owners_.erase(at);
        } else {
            ++at;
        }
    }
}

evtchn_reply broker::request(client_number who, evtchn_request const& r) {
    switch (r.kind) {
    case evtchn_request_kind::bind_virq:
    case evtchn_request_kind::bind_interdomain:
    case evtchn_request_kind::bind_unbound: return bind(who, {r.kind, r.a, r.b});
    case evtchn_request_kind::unbind: return unbind(who, r.a);
    case evtchn_request_kind::rescan: {
        auto const owner = owners_.find(r.a);
        if (owner == owners_.end() || owner->second != who) {
            return {EINVAL, 0};
        }
        raise(r.a);
        return {0, r.a};
    }
    }
    return {EINVAL, 0};
}

evtchn_reply broker::bind(client_number who, binding const& what) {
    std::uint32_t port = 0;
    bool lost_event_possible = false;
    if (auto const orphan = orphans_.find(what); orphan != orphans_.end()) {
        port = orphan->second;
        orphans_.erase(orphan);
        lost_event_possible = true;
    } else {
        auto const bound = bind_anew(what);
        if (!bound) {
            return {bound.error().code != 0 ? bound.error().code : EIO, 0};
        }
        port = *bound;
    }
    owners_[port] = who;
    if (bits_.unmask(port) || lost_event_possible) {
        bits_.take(port);
        bits_.mask(port);
        clients_.at(who).tell(port);
    }
    return {0, port};
}

result<std::uint32_t> broker::bind_anew(binding const& what) {
    auto const finish = [](result<std::int64_t> const& status,
                           std::uint32_t const& port) -> result<std::uint32_t> {
        if (!status) {
            return unexpected(status.error());
        }
        if (*status < 0) {
            return fail("bind event channel", static_cast<int>(-*status));
        }
        if (port >= evtchn_bits::port_count) {
            return fail("bind event channel", errc::nospc);
        }
        return port;
    };
    if (what.kind == evtchn_request_kind::bind_virq) {
        auto const op = XENPP_TRY(hypercall_buffer<abi::evtchn_bind_virq>::create(doors_));
        op->virq = what.a;
        return finish(operate(abi::evtchn_op::bind_virq, op), op->port);
    }
    if (what.a > 0xffff) {
        return fail("bind event channel", errc::srch);
    }
    if (what.kind == evtchn_request_kind::bind_interdomain) {
        auto const op = XENPP_TRY(hypercall_buffer<abi::evtchn_bind_interdomain>::create(doors_));
        op->remote_dom = static_cast<std::uint16_t>(what.a);
        op->remote_port = what.b;
        return finish(operate(abi::evtchn_op::bind_interdomain, op), op->local_port);
    }
    auto const op = XENPP_TRY(hypercall_buffer<abi::evtchn_alloc_unbound>::create(doors_));
    op->dom = domid_self.raw();
    op->remote_dom = static_cast<std::uint16_t>(what.a);
    return finish(operate(abi::evtchn_op::alloc_unbound, op), op->port);
}

evtchn_reply broker::unbind(client_number who, std::uint32_t port) {
    auto const owner = owners_.find(port);
    if (owner == owners_.end() || owner->second != who) {
        return {EINVAL, 0};
    }
    owners_.erase(owner);
    return {close(port) ? 0 : EIO, port};
}

bool broker::close(std::uint32_t port) {
    bits_.mask(port);
    auto const op = hypercall_buffer<abi::evtchn_close>::create(doors_);
    if (!op) {
        return false;
    }
    (*op)->port = port;
    auto const status = operate(abi::evtchn_op::close, *op);
    bits_.take(port); // what came before the close means nothing to the port's next owner
    return status && *status == 0;
}

/// Tells a port's owner, if an event is pending. It stays masked until the owner has seen to it.
void broker::raise(std::uint32_t port) {
    bits_.mask(port);
    auto const owner = owners_.find(port);
    if (owner == owners_.end()) {
        return; // an orphan: it stays pending, for who binds it anew
    }
    if (bits_.take(port)) {
        clients_.at(owner->second).tell(port);
    }
}

void broker::deliver() {
    bits_.for_each_pending([this](std::uint32_t port) { raise(port); });
}

result<std::unique_ptr<event_channels>> broker::open() {
    auto c = XENPP_TRY(client::create({}));
    // The object gets an open descriptor of its own, to close when it likes.
    os::unique_fd read(::fcntl(c.read.get(), F_DUPFD_CLOEXEC, 0));
    if (!read) {
        return os::fail_errno("open event channels");
    }
    auto const who = next_client_++;
    clients_.emplace(who, std::move(c));
    return make_event_channels(doors_, window_, std::move(read),
                               std::make_unique<local_binder>(*this, who));
}

result<std::optional<binding>> broker::look_at(std::uint32_t port, bool& exists) {
    auto const op = XENPP_TRY(hypercall_buffer<abi::evtchn_status>::create(doors_));
    op->dom = domid_self.raw();
    op->port = port;
    auto const status = XENPP_TRY(operate(abi::evtchn_op::status, op));
    exists = status == 0;
    using kind = evtchn_request_kind;
    if (exists && op->status == abi::evtchnstat_virq) {
        return std::optional(binding{kind::bind_virq, op->u.virq, 0});
    }
    if (exists && op->status == abi::evtchnstat_interdomain) {
        return std::optional(
            binding{kind::bind_interdomain, op->u.interdomain.dom, op->u.interdomain.port});
    }
    if (exists && op->status == abi::evtchnstat_unbound) {
        return std::optional(binding{kind::bind_unbound, op->u.unbound.dom, 0});
    }
    return std::optional<binding>();
}

result<void> broker::find_orphans() {
    bool exists = true;
    for (std::uint32_t port = 1; exists && port < evtchn_bits::port_count; ++port) {
        if (auto const what = XENPP_TRY(look_at(port, exists))) {
            bits_.mask(port);
            orphans_.emplace(*what, port);
        }
    }
    return {};
}

unsigned broker::close_orphans() {
    auto const n = static_cast<unsigned>(orphans_.size());
    for (auto const& [what, port] : orphans_) {
        close(port);
    }
    orphans_.clear();
    return n;
}

} // namespace

result<std::unique_ptr<evtchn_broker>>
evtchn_broker::create(doors& d, std::byte* window, std::string const& socket) {
    auto poller = XENPP_TRY(os::poller::create());
    os::unique_fd listener;
    if (!socket.empty()) {
        listener = XENPP_TRY(os::listen_unix(socket, os::socket_kind::packet));
        XENPP_TRY(poller.add(listener.get(), listener_tag));
    }
    auto b = std::make_unique<broker>(d, window, std::move(poller), std::move(listener));
    XENPP_TRY(b->find_orphans());
    return std::unique_ptr<evtchn_broker>(std::move(b));
}

} // namespace xenpp::transport
