// SPDX-License-Identifier: Apache-2.0
// A whole xenstore: server, journal, socket and guest rings, in the one order that loses nothing.
#pragma once

#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/base/error.hpp>
#include <xenpp/store/connection.hpp>
#include <xenpp/store/journal.hpp>
#include <xenpp/store/ring_connection.hpp>
#include <xenpp/store/server.hpp>
#include <xenpp/store/socket_server.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace xenpp::store {

/// How a service reaches guests.
class guest_rings {
public:
    /// Maps the domain's ring page and binds its event channel; again for a domain that is
    /// introduced a second time, and for every introduced domain when the service starts. Null:
    /// INTRODUCE is refused, or the domain stays unserved until it is gone.
    virtual abi::xenstore_domain_interface* map(domain_info const& info) = 0;
    /// The page is not touched any more.
    virtual void unmap(domid d) = 0;
    /// Sends the domain's event.
    virtual void notify(domid d) = 0;

protected:
    ~guest_rings() = default;
};

/// Where a service keeps and offers the store.
struct service_options {
    std::string journal; ///< the journal file; empty: the state dies with the process
    std::string socket;  ///< the socket's path; empty: none
    quotas limits;
};

/// Hosts a server. Every call journals what it changed before anything leaves the process. An
/// error of a call means that the journal cannot be written: the process must end, and its
/// successor goes on from the last state that anybody was told of.
class service final : private domain_hooks {
public:
    /// `rings` must outlive the service.
    static result<std::unique_ptr<service>> open(service_options const& options,
                                                 guest_rings& rings);

    service(service const&) = delete;
    service& operator=(service const&) = delete;
    ~service();

    /// Readable when `dispatch` has something to do.
    int event_fd() const noexcept { return epoll_; }

    /// Serves sockets, and guests with more to do than one `ring_event` does. Never blocks.
    result<void> dispatch();
    /// A domain's event channel fired.
    result<void> ring_event(domid d);
    /// As the server's calls of the same names.
    result<void> domain_gone(domid d);
    result<void> domain_shutdown(domid d);

    /// To be called now and then: clients for whom there was no descriptor may have one now.
    void accept_again() {
        if (sockets_) {
            sockets_->accept_again();
        }
    }

    /// The server. After a change by other ways than this class, call `settle`.
    server& core() noexcept { return server_; }

    /// Journals what changed and delivers what waits.
    result<void> settle();
    /// A client in this process, as domain 0; settles by itself. Must not outlive the service.
    std::unique_ptr<connection> connect();

    /// Did the journal hold a state to go on from?
    bool is_recovered() const noexcept { return journal_ && journal_->is_recovered(); }

private:
    service(quotas limits, guest_rings& rings) : rings_(rings), server_(limits, this) {}

    errc introduced(domain_info const& info) override;
    void released(domid d) override;
    result<void> start(service_options const& options);
    void wake_for(domid d);

    guest_rings& rings_;
    server server_;
    std::optional<journal> journal_;
    std::optional<socket_server> sockets_;
    std::map<domid, ring_connection> open_rings_;
    std::set<domid> busy_; ///< rings with requests left when their turn was over
    int epoll_ = -1;
    int wake_ = -1;
};

} // namespace xenpp::store
