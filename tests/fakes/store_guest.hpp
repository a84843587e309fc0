// SPDX-License-Identifier: Apache-2.0
// A guest's end of a xenstore ring, for tests: a page, and a driver that asks in order.
#pragma once

#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/store/wire.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace xenpp::fakes {

/// Sends `requests` as fast as the ring takes them and collects what comes back.
struct store_guest {
    abi::xenstore_domain_interface page{};
    std::string to_send;
    std::string received;

    void ask(store::message const& m) { to_send += store::encode(m); }

    /// Puts at most `most` bytes on the ring and takes at most `most` off it.
    void run(std::size_t most = 4096) {
        auto const room = 1024 - (page.req_prod - page.req_cons);
        auto const n = std::min({std::size_t{room}, to_send.size(), most});
        for (std::size_t i = 0; i < n; ++i) {
            page.req[page.req_prod++ % 1024] = to_send[i];
        }
        to_send.erase(0, n);
        for (std::size_t i = 0; i < most && page.rsp_cons != page.rsp_prod; ++i) {
            received += page.rsp[page.rsp_cons++ % 1024];
        }
    }

    std::vector<store::message> messages() const {
        store::assembler in;
        in.feed(received);
        std::vector<store::message> out;
        while (auto m = *in.next()) {
            out.push_back(std::move(*m));
        }
        return out;
    }
};

} // namespace xenpp::fakes
