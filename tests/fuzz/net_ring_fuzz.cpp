// SPDX-License-Identifier: Apache-2.0
// A hostile network frontend: any bytes in its rings, which change between any two reads, any
// grants; whatever comes out is a frame that others can use.
#include <xenpp/dev/vif/finished_frame.hpp>
#include <xenpp/dev/vif/interface.hpp>
#include <xenpp/dev/vif/net_switch.hpp>
#include <xenpp/dev/vif/packet.hpp>

#include <fakes/byte_source.hpp>
#include <fakes/changing_memory.hpp>
#include <fakes/must.hpp>

#include <array>
#include <cstring>
#include <vector>

using namespace xenpp;
using namespace xenpp::dev;
using fakes::must;

namespace {

constexpr std::size_t most_queues = 2;
constexpr std::size_t ring_pages = 2 * most_queues + 1;
constexpr std::uint32_t grants = 16;

fakes::changing_memory& memory() {
    static fakes::changing_memory m(ring_pages);
    return m;
}

/// Data of a guest's pages is whatever the input has next; a grant beyond the last is none.
class hostile_pages final : public vif_pages {
public:
    explicit hostile_pages(fakes::byte_source& in) : in_(in) {}

    void copy(std::span<transport::grant_copy> pieces) override {
        for (auto& p : pieces) {
            must(p.offset + p.local.size() <= page_size);
            p.is_done = p.ref.raw() < grants;
            if (!p.is_done) {
                continue;
            }
            if (p.to_grant) {
                for (auto const b : p.local) {
                    sum_ += std::to_integer<unsigned>(b); // all of it can be read
                }
            } else if (!in_.is_empty() && in_.one_in(2)) {
                in_.fill(p.local.data(), std::min<std::size_t>(p.local.size(), 64));
            } else if (p.local.size() >= sizeof packet_) {
                std::memcpy(p.local.data(), packet_.data(), sizeof packet_);
            }
        }
    }

private:
    fakes::byte_source& in_;
    unsigned sum_ = 0;
    // Ethernet, IPv4 and TCP headers of a packet of 0x600 bytes, for what only good ones reach.
    std::array<std::uint8_t, 54> packet_{2,  0,    0,    0, 0, 2,    2, 0,  0, 0, 0, 1,  8, 0, 0x45,
                                         0,  6,    0,    0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 15,
                                         10, 0,    2,    2, 3, 0xe8, 0, 80, 0, 0, 0, 1,  0, 0, 0,
                                         0,  0x50, 0x18, 1, 0, 0,    0, 0,  0};
};

/// The other end of the wire: what it is given must be sound, and comes back at times.
class checker final : public frame_sink {
public:
    explicit checker(fakes::byte_source& in) : in_(in) {}

    void take(frame const& f) override {
        must(f.bytes.size() >= ethernet_header_size && f.bytes.size() <= 65535);
        if (f.is_checksum_blank || f.gso != gso_type::none) {
            auto const h = read_headers(f.bytes);
            must(h && h->checksum + 2 <= f.bytes.size());
            must(f.gso == gso_type::none || is_valid_gso(f, *h));
        }
        finisher_.finish(f, [](std::span<std::byte const> bytes) {
            must(bytes.size() >= ethernet_header_size);
        });
        if (back != nullptr && !in_.is_empty() && in_.one_in(2)) {
            back->take(f);
        }
    }

    void flush() override {
        if (back != nullptr) {
            back->flush();
        }
    }

    frame_sink* back = nullptr;

private:
    fakes::byte_source& in_;
    frame_finisher finisher_;
};

/// The guest writes somewhere in its rings: an index, an entry, anything.
void scribble(fakes::byte_source& in) {
    auto const all = memory().theirs();
    auto const page = in.below(ring_pages) * page_size;
    switch (in.below(4)) {
    case 0: { // its index of requests, near where it may be
        std::uint32_t index = 0;
        std::memcpy(&index, all.data() + page, sizeof index);
        index += in.below(8) == 0 ? in.take<std::uint32_t>() : in.below(24);
        std::memcpy(all.data() + page, &index, sizeof index);
        break;
    }
    case 1: in.fill(all.data() + page + in.below(16), 4); break;
    default: { // an entry near the beginning
        auto const at = page + sizeof(abi::sring_header) + std::size_t{in.below(48)} * 12;
        abi::netif_tx_request r{};
        r.gref = in.below(grants + 2);
        r.offset = static_cast<std::uint16_t>(in.below(4) == 0 ? in.take<std::uint16_t>() : 0);
        r.flags = static_cast<std::uint16_t>(in.below(32));
        r.id = in.take<std::uint8_t>();
        r.size = static_cast<std::uint16_t>(in.below(3) == 0 ? in.take<std::uint16_t>() : 0x60e);
        if (in.one_in(3)) {
            in.fill(&r, sizeof r);
        }
        std::memcpy(all.data() + at, &r, sizeof r);
    }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    fakes::byte_source in({data, size});
    auto& m = memory();
    m.change = nullptr;
    std::memset(m.theirs().data(), 0, m.theirs().size());
    auto const choice = in.take<std::uint16_t>();
    vif_interface::config c;
    c.features = {(choice & 1) != 0, (choice & 2) != 0,  (choice & 4) != 0,
                  (choice & 8) != 0, (choice & 16) != 0, (choice & 32) != 0};
    if ((choice & 64) != 0) {
        c.rate = vif_rate{1500, 100};
    }
    c.is_resumed = (choice & 128) != 0;
    std::vector<vif_queue_rings> queues;
    for (std::size_t i = 0; i < 1 + (choice >> 8 & 1U); ++i) {
        queues.push_back({m.ours().subspan(2 * i * page_size, page_size),
                          m.ours().subspan((2 * i + 1) * page_size, page_size), [] {}, [] {}});
    }
    hostile_pages pages(in);
    checker out(in);
    vif_interface vif(c, queues, pages, out);
    vif.add_control(m.ours().last(page_size), [] {});
    out.back = &vif;
    m.change = [&in] {
        if (!in.is_empty() && in.one_in(16)) {
            scribble(in);
        }
    };
    std::uint64_t now = 1;
    for (int turn = 0; turn < 64 && !in.is_empty() && vif.broken().empty(); ++turn) {
        auto const queue = in.below(static_cast<unsigned>(queues.size()));
        switch (in.below(8)) {
        case 0: vif.receive(queue); break;
        case 1: vif.control(); break;
        case 2:
        case 3:
            now += 70;
            static_cast<void>(vif.send(queue, now));
            break;
        default: scribble(in);
        }
    }
    m.change = nullptr;
    return 0;
}
