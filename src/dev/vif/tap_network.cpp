// SPDX-License-Identifier: Apache-2.0
// Frames to and from a TAP device.
#include <xenpp/dev/vif/packet.hpp>
#include <xenpp/dev/vif/tap_network.hpp>
#include <xenpp/os/tap.hpp>

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace xenpp::dev {

namespace {

using os::tap_header;

constexpr std::size_t most_frames = 32; // read in one turn
constexpr std::size_t largest_frame = 65535;

/// Whether the header makes sense; `f` has the bytes already.
bool read_header(tap_header const& h, frame& f) noexcept {
    f.is_checksum_blank = (h.flags & tap_header::needs_checksum) != 0;
    f.is_checksum_good = (h.flags & tap_header::is_valid) != 0;
    switch (h.gso_type & ~tap_header::gso_ecn) {
    case tap_header::gso_none: return true;
    case tap_header::gso_tcpv4: f.gso = gso_type::tcpv4; break;
    case tap_header::gso_tcpv6: f.gso = gso_type::tcpv6; break;
    default: return false;
    }
    f.gso_size = h.gso_size;
    return true;
}

} // namespace

tap_network::tap_network(os::unique_fd tap, backend_services& services, frame_sink& to)
    : tap_(std::move(tap))
    , services_(services)
    , to_(to)
    , buffers_(most_frames, std::vector<std::byte>(sizeof(tap_header) + largest_frame)) {}

tap_network::~tap_network() {
    services_.remove_fd(tap_.get());
}

result<std::unique_ptr<tap_network>>
tap_network::create(std::string const& name, backend_services& services, frame_sink& to) {
    auto tap = XENPP_TRY(os::open_tap(name));
    std::unique_ptr<tap_network> t(new tap_network(std::move(tap), services, to));
    XENPP_TRY(services.add_fd(t->tap_.get(), [raw = t.get()] { raw->receive(); }));
    return t;
}

/// What the device has no room for is dropped, as on any wire.
void tap_network::take(frame const& f) {
    tap_header header;
    if (f.is_checksum_blank || f.gso != gso_type::none) {
        auto const h = read_headers(f.bytes);
        if (!h || h->checksum == 0) {
            return;
        }
        header.flags = tap_header::needs_checksum;
        header.checksum_start = static_cast<std::uint16_t>(h->transport);
        header.checksum_offset = static_cast<std::uint16_t>(h->checksum - h->transport);
        if (f.gso != gso_type::none) {
            header.gso_type =
                f.gso == gso_type::tcpv4 ? tap_header::gso_tcpv4 : tap_header::gso_tcpv6;
            header.gso_size = f.gso_size;
            header.header_size = static_cast<std::uint16_t>(h->payload);
        }
    }
    std::array<iovec, 2> parts{};
    parts[0] = {&header, sizeof header};
    parts[1] = {const_cast<std::byte*>(f.bytes.data()), f.bytes.size()}; // writev only reads
    static_cast<void>(!::writev(tap_.get(), parts.data(), static_cast<int>(parts.size())));
}

void tap_network::receive() {
    for (auto& buffer : buffers_) {
        auto const n = ::read(tap_.get(), buffer.data(), buffer.size());
        if (n <= 0) {
            break;
        }
        tap_header header;
        if (static_cast<std::size_t>(n) < sizeof header) {
            continue;
        }
        std::memcpy(&header, buffer.data(), sizeof header);
        frame f{.bytes =
                    std::span(buffer).first(static_cast<std::size_t>(n)).subspan(sizeof header)};
        if (read_header(header, f)) {
            to_.take(f);
        }
    }
    to_.flush();
}

} // namespace xenpp::dev
