// SPDX-License-Identifier: Apache-2.0
// What the recipes end with.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/builder/unfinished_domain.hpp>

namespace xenpp::builder {

/// Grant references by which dom0 reaches the two rings.
inline constexpr grant_ref console_grant{0};
inline constexpr grant_ref xenstore_grant{1};

/// A complete domain, paused, that nobody has introduced to xenstore yet.
struct built_domain {
    unfinished_domain domain;
    gfn store_page; ///< xenstore's ring; likewise the console's. Of a PV domain: its mfn
    gfn console_page;
    evtchn_port store_port; ///< of the domain, open to domain 0; likewise the console's
    evtchn_port console_port;
};

} // namespace xenpp::builder
