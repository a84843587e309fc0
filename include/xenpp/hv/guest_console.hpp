// SPDX-License-Identifier: Apache-2.0
// What a guest prints through the hypervisor (port 0xe9, console_io): whole lines, named.
#pragma once

#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/print.hpp>

#include <cstdint>
#include <string_view>

namespace xenpp::hv {

/// Adds a character to the domain's line; prints it as "(dN) line" when it ends. Control
/// characters but tabs are dropped, so that a guest cannot forge the hypervisor's lines.
template <class P>
void guest_line_put(domain<P>& d, char c) noexcept {
    auto& line = d.console_line;
    lock_guard const hold(line.lock);
    bool const ends = c == '\n' || line.used == line.text.size();
    if (ends && line.used != 0) {
        print_guest_line(d.hv, d.id, {line.text.data(), line.used});
    }
    if (ends) {
        line.used = 0;
    }
    if (c == '\t' || (c >= ' ' && c != '\x7f')) {
        line.text[line.used++] = c;
    }
}

/// Likewise, where guests may print through the hypervisor: `guest_loglvl=all` on its command line,
/// as on Xen.
template <class P>
void guest_console_put(domain<P>& d, char c) noexcept {
    if (d.hv.guest_console) {
        guest_line_put(d, c);
    }
}

} // namespace xenpp::hv
