// SPDX-License-Identifier: Apache-2.0
// A simulated host, a small kernel, and a picture of everything that must not leak.
#pragma once

#include "fakes/bytes_on_disk.hpp"
#include "fakes/elf_maker.hpp"
#include "host/session.hpp"

#include <xenpp/ctl/sysctl.hpp>
#include <xenpp/host.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace xenpp::fakes {

/// Free memory, domains and the whole store.
struct picture {
    std::uint64_t free_pages = 0;
    std::uint64_t claims = 0;
    std::vector<domid> domains;
    std::map<std::string, std::string> nodes;

    friend bool operator==(picture const&, picture const&) = default;
};

class host_bed {
public:
    explicit host_bed(sim_options const& options = {}) : host(host::open_sim(options).value()) {}

    scratch_folder folder;
    xenpp::host host;
    std::string kernel = folder.file("kernel", elf_maker{}.build());

    detail::session& session() { return *host.session(); }

    config::domain_config config(std::string name) const {
        config::domain_config c;
        c.name = std::move(name);
        c.type = config::domain_type::pvh;
        c.kernel = kernel;
        c.cmdline = "console=hvc0";
        c.memory_mib = c.maxmem_mib = 16;
        return c;
    }

    domain create(std::string name) { return host.create(config(std::move(name))).value(); }

    domain start(std::string name) {
        return host.create(config(std::move(name)), {.start = true}).value();
    }

    picture look() {
        session().turn();
        picture p;
        auto const info = ctl::get_physinfo(session().hypervisor()).value();
        p.free_pages = info.free_pages;
        p.claims = info.outstanding_pages;
        auto const domains = host.domains().value();
        for (auto const& d : domains) {
            p.domains.push_back(d.id);
        }
        add_nodes(p, "/");
        return p;
    }

private:
    void add_nodes(picture& p, std::string const& path) {
        auto& store = session().store();
        auto const value = store.read(path);
        p.nodes[path] = value ? *value : "";
        auto const children = store.directory(path).value();
        for (auto const& child : children) {
            add_nodes(p, (path == "/" ? "" : path) + "/" + child);
        }
    }
};

} // namespace xenpp::fakes
