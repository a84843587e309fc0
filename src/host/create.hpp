// SPDX-License-Identifier: Apache-2.0
// Creating a domain: everything from its configuration to the handle.
#pragma once

#include "host/session.hpp"

#include <xenpp/builder/recipe.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/host.hpp>

#include <memory>

namespace xenpp::detail {

/// See `host::create`. `observer` (may be null) is told of every step, the builder's included.
result<std::shared_ptr<domain_ref const>> create_domain(std::shared_ptr<session> const& s,
                                                        config::domain_config const& c,
                                                        create_options const& options,
                                                        builder::step_observer* observer = nullptr);

/// Destroys a domain and removes what is kept of it. `keep_config`: for one that is to come again.
result<void>
destroy_domain(session& s, domid d, config::uuid const& uuid, bool keep_config = false);

} // namespace xenpp::detail
