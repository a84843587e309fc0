// SPDX-License-Identifier: Apache-2.0
// The xenstore server without any I/O: requests in, replies and events out, changes for a journal.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/store/change.hpp>
#include <xenpp/store/output_queue.hpp>
#include <xenpp/store/quota.hpp>
#include <xenpp/store/transaction.hpp>
#include <xenpp/store/tree.hpp>
#include <xenpp/store/watch.hpp>
#include <xenpp/store/wire.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// What a server asks of its host when domains come and go.
class domain_hooks {
public:
    /// Map the domain's ring page and bind its event channel; called again when a domain is
    /// introduced a second time. An error is answered to INTRODUCE, and nothing is kept.
    virtual errc introduced(domain_info const& info) = 0;
    /// Unmap and unbind; the domain's connection is closed.
    virtual void released(domid d) = 0;

protected:
    ~domain_hooks() = default;
};

/// The server core, with the behaviour of xenstored 4.17. One thread.
///
/// Domain 0's connections and privileged ones may do everything and have no quota. Whatever a
/// request causes is queued before `handle` returns: events of a change first, then the reply;
/// for WATCH the reply first. Domains that were introduced have a connection of their own, which
/// lives until the domain is gone and is part of the journalled state.
class server {
public:
    explicit server(quotas limits = {}, domain_hooks* hooks = nullptr);

    /// A client that is not a domain's ring, but a socket.
    connection_id connect(domid self, bool is_privileged);
    /// The same for a caller in this process, which reads when the process comes to it.
    connection_id connect_inside(domid self, bool is_privileged);
    void disconnect(connection_id c);
    /// False once the connection was closed or given up.
    bool is_open(connection_id c) const noexcept;

    /// Executes one request. A connection that is not open is ignored.
    void handle(connection_id c, message const& request);
    /// What `c` is to be sent now.
    std::string_view output(connection_id c) const noexcept;
    /// The first `n` bytes of `output(c)` are on their way.
    void consume_output(connection_id c, std::size_t n);

    /// A caller in this process has `bytes` of events that it took out of its output unread.
    void set_unread(connection_id c, std::size_t bytes);
    /// Is there so much for a privileged caller in this process to read that no request of a guest
    /// is to be taken before it has?
    bool is_congested() const noexcept;

    /// The introduced domains, by number.
    std::vector<domain_info> domains() const;
    /// The connection of an introduced domain.
    std::optional<connection_id> ring_connection(domid d) const noexcept;
    /// As the request INTRODUCE.
    errc introduce(domid d, gfn ring, evtchn_port port);
    /// The domain is destroyed: its connection, watches and the nodes it owns go, entries for it
    /// in permissions too, and @releaseDomain fires if it was introduced.
    void domain_gone(domid d);
    /// The domain has shut down: fires @releaseDomain, once until RESUME.
    void domain_shutdown(domid d);

    /// Where a domain's ring stands; nothing before the first `set_position`.
    std::optional<ring_position> const& position(connection_id c) const noexcept;
    /// `req_cons` and `partial` are as given now; `rsp_prod` is taken over only the first time,
    /// later it follows `consume_output`.
    void set_position(connection_id c, ring_position p);
    /// The domain broke the ring's rules: it is served no more until it is introduced again.
    void give_up(connection_id c);

    /// Starts collecting changes for a journal. Off at first.
    void record_changes() noexcept { is_recording_ = true; }

    /// The changes since the last call. To be journalled before any output is sent.
    std::string take_changes();
    /// The whole journalled state as changes to an empty server.
    std::string snapshot() const;
    /// Carries out recorded changes. False if they make no sense; the server is then of no use.
    bool restore(std::string_view changes);
    /// Begins a new epoch after `restore`: transactions of the one before are doomed from now on,
    /// their operations work and their end answers EAGAIN.
    void begin_epoch();

    tree const& nodes() const noexcept { return tree_; }

    watch_table const& watches() const noexcept { return watches_; }

    quotas const& limits() const noexcept { return limits_; }

    /// Open transactions of a connection.
    std::size_t open_transactions(connection_id c) const noexcept;
    /// What they hold, see `transaction::held`. Once that is the quota or more, they can only be
    /// ended: the last request before takes it beyond by no more than its own size a few times.
    std::size_t transaction_memory(connection_id c) const noexcept;

private:
    friend class request;

    struct connection {
        connection_id id;
        subject who;
        bool is_ring = false;
        bool is_broken = false;
        output_queue out;
        std::size_t unread = 0;
        std::optional<ring_position> position;
        std::map<std::uint32_t, transaction> transactions;
    };

    struct domain_entry {
        domain_info info;
        connection_id ring;
    };

    connection* find(connection_id c) noexcept;
    connection const* find(connection_id c) const noexcept;
    connection& add_connection(domid self, bool is_privileged, bool is_ring);

    std::uint32_t new_transaction_id(connection const& c) noexcept;
    bool is_of_earlier_epoch(std::uint32_t tx_id) const noexcept;

    /// Applies a mutation, records it and fires the watches that see it.
    void change(mutation const& m);
    errc commit(connection const& c, transaction const& t);
    bool fits_quota(connection const& c, transaction const& t, tree const& after) const;

    /// Tells those who watch `path` or above that it changed.
    void fire(std::string_view path, node const& changed);
    /// Tells also those who watch what was below.
    void fire_removed(std::string_view path, node const& gone);
    void fire_special(std::string_view name);
    bool may_see(connection const& c, std::string_view path, node const& n) const;
    void send_event(connection& c, std::string_view path, watch const& w);
    void send(connection& c, message const& m);
    void queue(connection& c, std::string_view bytes, bool is_event);

    /// Gives up the clients that turned out not to read.
    void settle();

    bool add_watch(connection& c, std::string_view path, watch w);
    bool remove_watch(connection& c, std::string_view path, std::string_view token);
    void remove_watches(connection& c);

    connection& enter_domain(domain_info const& info);
    void leave_domain(domid d);
    void forget_domain(domid d);
    void record_state(domain_info const& info);
    void drop_rights(std::string& path, node const& n, domid d, std::vector<mutation>& out);

    bool restore_tree(change_kind kind, change_reader& r);
    bool restore_domain(change_kind kind, change_reader& r);
    bool restore_ring(change_kind kind, change_reader& r);

    quotas limits_;
    domain_hooks* hooks_;
    tree tree_;
    watch_table watches_;
    std::map<connection_id, connection> connections_;
    std::vector<connection_id> insiders_; ///< the callers in this process
    std::map<domid, domain_entry> domains_;
    std::map<std::string, perm_list, std::less<>> specials_;
    std::uint64_t generation_ = 0;
    std::uint32_t next_connection_ = 1;
    std::uint32_t epoch_ = 0;
    std::uint32_t last_transaction_ = 0;
    bool is_recording_ = false;
    std::string changes_;
    std::vector<connection_id> overflowed_;
};

} // namespace xenpp::store
