// SPDX-License-Identifier: Apache-2.0
// What a guest prints through the hypervisor (port 0xe9, console_io): whole lines, named.
#pragma once

#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>
#include <string_view>

namespace xenpp::hv {

namespace detail {

/// Writes text to the console and its ring.
template <class P>
void print(hypervisor<P>& hv, std::string_view text) noexcept {
    hv.platform.console_write(text);
}

} // namespace detail

/// Adds a character to the domain's line; prints it as "(dN) line" when it ends. Control
/// characters but tabs are dropped, so that a guest cannot forge the hypervisor's lines. Only with
/// `guest_loglvl=all` on the hypervisor's command line, as on Xen.
template <class P>
void guest_console_put(domain<P>& d, char c) noexcept {
    auto& line = d.console_line;
    bool const ends = c == '\n' || line.used == line.text.size();
    if (ends && d.hv.guest_console && line.used != 0) {
        char prefix[10] = {'(', 'd'}; // NOLINT(cppcoreguidelines-avoid-c-arrays): scratch
        std::size_t n = 2;
        for (unsigned scale = 10000; scale != 0; scale /= 10) {
            if (d.id.raw() >= scale || scale == 1) {
                prefix[n++] = static_cast<char>('0' + d.id.raw() / scale % 10);
            }
        }
        prefix[n++] = ')';
        prefix[n++] = ' ';
        detail::print(d.hv, {prefix, n});
        detail::print(d.hv, {line.text.data(), line.used});
        detail::print(d.hv, "\n");
    }
    if (ends) {
        line.used = 0;
    }
    if (c == '\t' || (c >= ' ' && c != '\x7f')) {
        line.text[line.used++] = c;
    }
}

} // namespace xenpp::hv
