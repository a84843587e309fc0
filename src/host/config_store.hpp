// SPDX-License-Identifier: Apache-2.0
// Where the configurations of domains are kept: a folder, or this process.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/config/domain_config.hpp>

#include <map>
#include <string>

namespace xenpp::detail {

/// One JSON text a domain, by UUID.
class config_store {
public:
    /// `folder` may be empty: then nothing outlives this object. It is made when first written to.
    explicit config_store(std::string folder) : folder_(std::move(folder)) {}

    result<void> save(config::uuid const& id, config::domain_config const& c);
    /// ENOENT: there is none.
    result<config::domain_config> load(config::uuid const& id) const;
    void remove(config::uuid const& id);

private:
    std::string path(config::uuid const& id) const;

    std::string folder_;
    std::map<config::uuid, std::string> texts_;
};

} // namespace xenpp::detail
