// SPDX-License-Identifier: Apache-2.0
// A guest's end of a console ring.
#pragma once

#include <xenpp/abi/io/console.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace xenpp::fakes {

/// A page and a guest that uses it as Linux does.
struct console_guest {
    abi::xencons_interface page{};

    explicit console_guest(std::uint32_t out_index = 0) {
        page.out_cons = out_index;
        page.out_prod = out_index;
    }

    /// Writes as much as has room; says how much.
    std::size_t write(std::string_view text) {
        auto const room = sizeof page.out - (page.out_prod - page.out_cons);
        auto const n = std::min(text.size(), room);
        for (std::size_t i = 0; i < n; ++i) {
            page.out[page.out_prod++ % sizeof page.out] = text[i];
        }
        return n;
    }

    /// All the input that waits.
    std::string read() {
        std::string out;
        while (page.in_cons != page.in_prod) {
            out += page.in[page.in_cons++ % sizeof page.in];
        }
        return out;
    }
};

} // namespace xenpp::fakes
