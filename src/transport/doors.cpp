// SPDX-License-Identifier: Apache-2.0
// What every transport can do by means of the others' operations.
#include <xenpp/transport/doors.hpp>

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

} // namespace xenpp::transport
