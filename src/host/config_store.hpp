// SPDX-License-Identifier: Apache-2.0
// Where the configurations of domains are kept: a folder, or this process.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/config/domain_config.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::detail {

/// One JSON text a domain, by UUID.
class config_store {
public:
    enum class naming : bool {
        ours,  ///< UUID.json
        libxl, ///< userdata-d.DOMID.UUID.libxl-json: Xen's own tools find it, and we find theirs
    };

    /// `folder` may be empty: then nothing outlives this object. It is made when first written to.
    explicit config_store(std::string folder, naming n = naming::ours)
        : folder_(std::move(folder)), naming_(n) {}

    /// `d` is the number that the domain has now; `node_of_cpu`: see `config::to_json`.
    result<void> save(domid d,
                      config::uuid const& id,
                      config::domain_config const& c,
                      std::span<std::uint32_t const> node_of_cpu);
    /// ENOENT: there is none.
    result<config::domain_config> load(config::uuid const& id) const;
    void remove(config::uuid const& id);

private:
    std::string path(domid d, config::uuid const& id) const;
    /// The files that hold a domain's configuration, whatever number it had.
    result<std::vector<std::string>> files(config::uuid const& id) const;

    std::string folder_;
    naming naming_;
    std::map<config::uuid, std::string> texts_;
};

} // namespace xenpp::detail
