// SPDX-License-Identifier: Apache-2.0
// Removing what a builder left that died.
#include "host/reap.hpp"

#include "host/building.hpp"
#include "host/create.hpp"
#include "host/restart.hpp"

#include <xenpp/ctl/sysctl.hpp>

#include <fmt/core.h>

#include <algorithm>

namespace xenpp::detail {
namespace {

using say_function = std::function<void(std::string const&)>;

result<void> remove_half_built(session& s, building_note const& note, say_function const& say) {
    for (auto const& d : XENPP_TRY(ctl::get_domain_list(s.hypervisor()))) {
        if (!std::ranges::equal(d.handle, note.uuid) || (d.flags & abi::dominf_dying) != 0) {
            continue;
        }
        say(fmt::format("domain {} ({}): its builder, process {}, died: removing it", d.domain,
                        note.name, note.builder.pid));
        auto const comes_again = XENPP_TRY(s.store().exists(restarting_path(note.uuid)));
        auto const done = destroy_domain(s, domid(d.domain), note.uuid, comes_again);
        if (!done && !is_missing(done.error())) { // the note stays, and it is tried again
            say(done.error().message());
            return {};
        }
    }
    return s.store().rm(building_path(note.uuid));
}

} // namespace

result<bool> reap_dead_builders(session& s, say_function const& say) {
    bool others = false;
    for (auto const& note : XENPP_TRY(building_notes(s.store()))) {
        if (note.builder.is_alive()) {
            others = true;
        } else {
            XENPP_TRY(remove_half_built(s, note, say));
        }
    }
    return others;
}

} // namespace xenpp::detail
