// SPDX-License-Identifier: Apache-2.0
// A xenstore client: typed requests, watches, and transactions that retry.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/store/connection.hpp>
#include <xenpp/store/perms.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// Requests on nodes, outside or inside a transaction. Paths may be relative to the client's
/// domain. Errors carry the server's errno (ENOENT, EACCES, ...) and the path.
class node_access {
public:
    result<std::string> read(std::string_view path) const;
    /// False for a node that is not there.
    result<bool> exists(std::string_view path) const;
    /// Creates what is missing on the way.
    result<void> write(std::string_view path, std::string_view value) const;
    result<void> mkdir(std::string_view path) const;
    /// Removes the node and all below it; a node that is not there is no error if its parent is.
    result<void> rm(std::string_view path) const;
    /// The names of the children, of any number.
    result<std::vector<std::string>> directory(std::string_view path) const;
    result<perm_list> get_perms(std::string_view path) const;
    result<void> set_perms(std::string_view path, perm_list const& perms) const;

protected:
    node_access(connection& c, std::uint32_t tx) : connection_(&c), tx_(tx) {}

    /// The reply's payload; `what` names the request, `about` the path or domain in an error.
    result<std::string>
    ask(std::string_view what, op type, std::string payload, std::string_view about) const;

    connection* connection_;
    std::uint32_t tx_;

private:
    result<std::vector<std::string>> directory_in_parts(std::string_view path) const;
};

/// An open transaction; aborted when it goes out of scope without `commit`.
class client_transaction : public node_access {
public:
    client_transaction(client_transaction&& other) noexcept;
    client_transaction& operator=(client_transaction&&) = delete;
    client_transaction(client_transaction const&) = delete;
    client_transaction& operator=(client_transaction const&) = delete;
    ~client_transaction();

    /// True if it took effect; false if it met a conflict and is to be done again from its start.
    result<bool> commit();
    result<void> abort();

private:
    friend class client;

    client_transaction(connection& c, std::uint32_t tx) : node_access(c, tx) {}

    result<std::string> end(std::string_view how);

    bool is_open_ = true;
};

/// What a watch reports: the path that changed, in the form in which it was registered.
struct watch_report {
    std::string path;
    std::string token;
};

/// One client of one server.
class client : public node_access {
public:
    explicit client(std::unique_ptr<connection> c) : node_access(*c, 0), owned_(std::move(c)) {}

    /// Over a socket or device; see `default_server_path`.
    static result<client> open(std::string const& path = default_server_path());

    /// `path` may be a special name ("@releaseDomain"). Reports once at once.
    result<void> watch(std::string_view path, std::string_view token) const;
    result<void> unwatch(std::string_view path, std::string_view token) const;
    result<void> reset_watches() const;
    /// The next report; nothing if none came within `timeout_ms` (negative: wait for ever).
    result<std::optional<watch_report>> read_watch(int timeout_ms = -1) const;

    /// To be polled for reading once `read_watch(0)` has nothing; -1 in the same process.
    int event_fd() const noexcept { return connection_->event_fd(); }

    result<client_transaction> begin() const;

    /// Runs `f(client_transaction&)`, which answers `result<void>`, and commits; again while that
    /// meets a conflict, at most `tries` times, then EAGAIN. An error of `f` aborts.
    template <class F>
    result<void> transact(F f, int tries = 1000) const {
        while (tries-- > 0) {
            auto t = XENPP_TRY(begin());
            XENPP_TRY(f(t));
            if (XENPP_TRY(t.commit())) {
                return {};
            }
        }
        return fail("xenstore transaction", errc::again, "others kept changing the same nodes");
    }

    result<void> introduce(domid d, gfn ring, evtchn_port port) const;
    result<void> release(domid d) const;
    result<bool> is_introduced(domid d) const;
    result<void> resume(domid d) const;
    result<void> set_target(domid d, domid target) const;
    result<std::string> get_domain_path(domid d) const;
    /// The server's answer to a control command ("help", "quota").
    result<std::string> control(std::vector<std::string_view> const& words) const;

private:
    std::unique_ptr<connection> owned_;
};

} // namespace xenpp::store
