// SPDX-License-Identifier: Apache-2.0
// What every transport can do by means of the others' operations.
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/transport/doors.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <fmt/core.h>

#include <transport/grant_pieces.hpp>

#include <cstring>

namespace xenpp::transport {

result<void> doors::write_foreign(domid d, gpa at, std::span<std::byte const> bytes) {
    if (bytes.empty()) {
        return {};
    }
    auto const offset = at.raw() % page_size;
    auto const count = (offset + bytes.size() + page_size - 1) / page_size;
    auto const map = XENPP_TRY(map_foreign(d, to_gfn(at), count, os::access::read_write));
    std::memcpy(map.data() + offset, bytes.data(), bytes.size());
    return {};
}

result<void> doors::copy_grants(domid d, std::span<grant_copy> pieces) {
    XENPP_TRY(check_pieces(d, pieces));
    for (auto& p : pieces) {
        auto const access = p.to_grant ? os::access::read_write : os::access::read_only;
        auto const page = map_grants(d, {&p.ref, 1}, access);
        p.is_done = page.has_value();
        if (p.is_done && p.to_grant) {
            std::memcpy(page->data() + p.offset, p.local.data(), p.local.size());
        } else if (p.is_done) {
            std::memcpy(p.local.data(), page->data() + p.offset, p.local.size());
        }
    }
    return {};
}

result<void> doors::send_event(evtchn_port port) {
    auto const op = XENPP_TRY(hypercall_buffer<abi::evtchn_send>::create(*this));
    op->port = port.raw();
    auto const status = XENPP_TRY(
        hypercall(static_cast<unsigned>(abi::hypercall::event_channel_op),
                  {static_cast<std::uint64_t>(abi::evtchn_op::send), op.address(), 0, 0, 0, 0}));
    if (status < 0) {
        return fail("notify event channel", static_cast<int>(-status));
    }
    return {};
}

result<void> check_pieces(domid d, std::span<grant_copy const> pieces) {
    for (auto const& p : pieces) {
        if (p.offset > page_size || p.local.size() > page_size - p.offset) {
            return unexpected(error{"copy grants", static_cast<int>(errc::inval),
                                    fmt::format("{} bytes from offset {} are not within a page",
                                                p.local.size(), p.offset),
                                    d.raw()});
        }
    }
    return {};
}

} // namespace xenpp::transport
