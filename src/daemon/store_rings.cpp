// SPDX-License-Identifier: Apache-2.0
// Mapping xenstore pages and binding their event channels.
#include <daemon/store_rings.hpp>

namespace xenpp::detail {

store_rings::~store_rings() {
    for (auto const& [d, r] : rings_) {
        events_.unbind(r.port);
    }
}

abi::xenstore_domain_interface* store_rings::map(store::domain_info const& info) {
    auto const d = info.domain;
    unmap(d);
    auto page = doors_.map_foreign(d, info.ring, 1, os::access::read_write);
    if (!page) {
        return nullptr;
    }
    auto const port = events_.bind_interdomain(d, info.port, [this, d] { return fired_(d); });
    if (!port) {
        return nullptr;
    }
    auto const at = rings_.insert_or_assign(d, ring{*std::move(page), *port}).first;
    return reinterpret_cast<abi::xenstore_domain_interface*>(at->second.page.data());
}

void store_rings::unmap(domid d) {
    if (auto const r = rings_.find(d); r != rings_.end()) {
        events_.unbind(r->second.port);
        rings_.erase(r);
    }
}

void store_rings::notify(domid d) {
    if (auto const r = rings_.find(d); r != rings_.end()) {
        events_.notify(r->second.port);
    }
}

} // namespace xenpp::detail
