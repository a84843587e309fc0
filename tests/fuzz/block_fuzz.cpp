// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a disk's frontend, which changes its rings between any two looks of the
// backend and its other pages while they are copied: nothing beyond the disk is touched, no more is
// answered than was asked, nothing is left behind.
#include "fakes/backend_bed.hpp"
#include "fakes/changing_memory.hpp"
#include "fakes/granting_doors.hpp"
#include "fakes/must.hpp"

#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/abi/io/ring.hpp>
#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/dev/vbd/nodes.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

using namespace xenpp;
using fakes::must;

namespace {

constexpr std::size_t disk_size = 256 * 512;
constexpr std::size_t most_watched = 200; // accesses to the ring in each turn
constexpr std::uint32_t page_count = 24;

/// Work is done when the image is polled, some of it later, in another order.
class memory_image final : public dev::block_image {
public:
    memory_image() : bytes_(disk_size) {
        info_.size = disk_size;
        info_.can_flush = true;
        info_.can_discard = true;
    }

    dev::image_info const& info() const noexcept override { return info_; }

    void submit(dev::image_io const& io) override {
        std::uint64_t size = io.length;
        if (io.what == dev::image_operation::read || io.what == dev::image_operation::write) {
            size = 0;
            for (auto const& p : io.parts) {
                must(p.iov_len != 0 && p.iov_len % 512 == 0);
                size += p.iov_len;
            }
            must(size == io.length && size != 0);
        }
        must(io.what == dev::image_operation::flush ||
             (io.offset % 512 == 0 && io.offset <= disk_size && size <= disk_size - io.offset));
        waiting_.push_back(io);
    }

    void start() override {}

    void poll(done const& report) override {
        for (auto n = (waiting_.size() + 1) / 2; n != 0; --n) {
            auto const io = waiting_.back();
            waiting_.pop_back();
            auto at = io.offset;
            for (auto const& p : io.parts) {
                auto* const disk = bytes_.data() + at;
                bool const is_read = io.what == dev::image_operation::read;
                std::memcpy(is_read ? p.iov_base : disk, is_read ? disk : p.iov_base, p.iov_len);
                at += p.iov_len;
            }
            report(io.tag, at % 7 == 6 ? ENOSPC : 0);
        }
    }

    int fd() const noexcept override { return 1'000'000; } // nobody polls it but us

private:
    dev::image_info info_;
    std::vector<std::byte> bytes_;
    std::deque<dev::image_io> waiting_;
};

struct input {
    std::uint8_t const* at;
    std::size_t left;

    std::uint8_t byte() {
        if (left == 0) {
            return 0;
        }
        --left;
        return *at++;
    }

    std::uint32_t word() {
        std::uint32_t w = 0;
        for (int i = 0; i != 4; ++i) {
            w = w << 8 | byte();
        }
        return w;
    }
};

struct arena {
    explicit arena(input& i) : in(i), services(doors) {
        dev::vbd_config c;
        c.target = "memory";
        c.vdev = "xvda";
        auto const d = dev::new_vbd(c, domid(3)).value();
        address = d.address;
        client.transact([&](store::client_transaction const& t) { return dev::write_device(t, d); })
            .value();
        auto const base = dev::frontend_path(address);
        client.write(base + "/ring-ref", "0").value();
        client.write(base + "/event-channel", "7").value();
        client.write(base + "/feature-persistent", in.byte() % 2 == 0 ? "0" : "1").value();
        backend = dev::make_vbd_backend(
            {address, client, services, [] {}, [this] { is_disconnected = true; },
             [this](error) { has_failed = true; }},
            [](dev::vbd_config const&, std::function<void()>) {
                return result<std::unique_ptr<dev::block_image>>(
                    std::unique_ptr<dev::block_image>(new memory_image()));
            });
        backend->prepare().value();
        doors.on_map = [this](std::span<std::byte> ours, std::span<grant_ref const>) {
            ring.emplace(ours, std::span(doors.page(0), page_size));
        };
        backend->connect(false).value();
        doors.on_map = {};
        ring->change = [this] {
            if (in.left % 5 == 0) {
                scribble();
            }
        };
        doors.on_copy = [this] {
            if (in.left % 3 == 0) {
                scribble();
            }
        };
    }

    /// The guest changes a few bytes of any page, the ring's and its indices most of all.
    void scribble() {
        auto const how = in.byte();
        auto* const p = doors.page(how % 2 == 0 ? 0 : how % page_count);
        if (how % 4 == 0) {
            reinterpret_cast<abi::sring_header*>(p)->req_prod += in.byte() - 64U;
            return;
        }
        auto const at = in.word() % (page_size - 8);
        std::uint32_t const what = in.word();
        std::memcpy(p + at, &what, 1 + what % 4);
    }

    /// A request that may well make sense.
    void put() {
        abi::blkif_request r{};
        r.operation = in.byte() % 8;
        r.nr_segments = in.byte() % 13;
        r.id = in.byte();
        r.sector_number = in.byte() * std::uint64_t{in.byte() % 16 == 0 ? 0x1'0000'0000U : 1U};
        for (auto& s : r.seg) {
            auto const b = in.byte();
            s = {b % (page_count + 2U), static_cast<std::uint8_t>(b % 9),
                 static_cast<std::uint8_t>(in.byte() % 9), 0};
        }
        if (r.operation == abi::blkif_op_indirect) {
            abi::blkif_request_indirect i{};
            i.operation = r.operation;
            i.indirect_op = in.byte() % 7;
            i.nr_segments = static_cast<std::uint16_t>(in.word() % 300);
            i.id = r.id;
            i.sector_number = r.sector_number;
            i.indirect_grefs[0] = in.byte() % page_count;
            std::memcpy(&r, &i, sizeof i);
        }
        auto& h = *reinterpret_cast<abi::sring_header*>(doors.page(0));
        std::memcpy(doors.page(0) + sizeof h + (h.req_prod % 32) * sizeof r, &r, sizeof r);
        ++h.req_prod;
    }

    void turn() {
        if (auto const b = services.bound.find(evtchn_port(7)); b != services.bound.end()) {
            auto const fired = b->second;
            fired();
        }
        services.run_put_off();
        auto const fds = services.fds;
        for (auto const& [fd, ready] : fds) {
            ready();
        }
    }

    void step() {
        ring->watch_next(most_watched);
        switch (in.byte() % 6) {
        case 0:
        case 1: put(); break;
        case 2: scribble(); break;
        case 3: {
            grant_ref const g(1 + in.byte() % (page_count - 1));
            if (in.byte() % 2 == 0) {
                doors.granted.erase(g);
            } else {
                doors.granted[g] = g.raw();
            }
            break;
        }
        default: turn(); break;
        }
    }

    input& in;
    fakes::granting_doors doors{page_count};
    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    fakes::fake_services services;
    dev::device_address address;
    std::unique_ptr<dev::backend> backend;
    std::optional<fakes::changing_memory> ring; ///< as the backend has it
    bool is_disconnected = false;
    bool has_failed = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    input in{data, size};
    arena a(in);
    while (in.left != 0 && !a.has_failed) {
        a.step();
    }
    a.doors.on_copy = {};
    a.ring.reset();
    bool is_done = a.backend->disconnect();
    for (int i = 0; i != 64 && !is_done; ++i) {
        a.turn();
        is_done = a.is_disconnected;
    }
    must(is_done);
    must(a.doors.mapped == 0);
    must(a.services.bound.empty() && a.services.fds.empty());
    return 0;
}
