// SPDX-License-Identifier: Apache-2.0
// One request on its way through the server: arguments, rights, quotas, answer.
#pragma once

#include <xenpp/store/server.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// Carries out one request of one connection. Lives for the length of `server::handle`.
class request {
public:
    using answer = expected<std::string, errc>;

    request(server& s, server::connection& c, message const& m) : server_(s), from_(c), in_(m) {}

    /// Executes and queues the reply.
    void run();

private:
    answer execute();
    answer execute_on_nodes();
    answer execute_on_domains();

    answer directory();
    answer directory_part();
    answer read();
    answer write();
    answer mkdir();
    answer remove();
    answer get_perms();
    answer set_perms();
    answer set_special_perms(std::string_view name, perm_list perms);

    answer watch_path();
    answer unwatch();
    answer reset_watches();
    answer start_transaction();
    answer end_transaction();

    answer introduce();
    answer release();
    answer get_domain_path();
    answer is_domain_introduced();
    answer resume();
    answer set_target();
    answer control();
    answer quota_report(std::vector<std::string_view> const& words) const;

    /// The payload as `least` to `most` strings, or EINVAL.
    expected<std::vector<std::string_view>, errc> strings(std::size_t least,
                                                          std::size_t most) const;
    /// The payload's one string as an absolute path.
    expected<std::string, errc> one_path() const;
    expected<std::string, errc> absolute(std::string_view path) const;
    expected<domid, errc> one_domain() const;
    errc require_privilege() const;

    tree const& nodes() const;
    void look(std::string_view path, facet f);
    /// The node, if the client may do `want` with it; else why not, which tells nothing about
    /// nodes below what the client may see.
    expected<node const*, errc> node_for(std::string_view path, access want, facet f);
    void change(mutation m);
    errc check_size(std::size_t bytes) const;
    /// Has its transaction room for another request?
    errc check_transaction() const;
    /// Creates `path` with `value`, and the parents it lacks, as the client's; all or nothing.
    errc create(std::string_view path, std::string_view value);
    void announce(std::string_view path);

    server& server_;
    server::connection& from_;
    message const& in_;
    transaction* transaction_ = nullptr;
};

} // namespace xenpp::store
