// SPDX-License-Identifier: Apache-2.0
// A frontend of a disk, as Linux's is: rings in granted pages, requests, answers.
#pragma once

#include "fakes/backend_bed.hpp"
#include "fakes/granting_doors.hpp"

#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/dev/vbd/nodes.hpp>
#include <xenpp/dev/vbd/request.hpp>
#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenpp::fakes {

struct block_guest_options {
    std::uint32_t queues = 1;
    std::optional<unsigned> ring_order{}; ///< nothing: one page, said the old way
    bool is_persistent = false;
};

/// Pages 0 and on are the rings', those from `data_page` on are for data.
class block_guest {
public:
    using ring_type = ring::front_ring<abi::blkif_request, abi::blkif_response>;

    static constexpr std::uint32_t data_page = 128;

    explicit block_guest(block_guest_options const& o = {}) : options(o) {}

    /// Writes the frontend's nodes and begins its rings.
    void offer() {
        store::client const s(store::connect_memory(server, domid(3), false));
        auto const base = dev::frontend_path(address);
        auto const pages = 1U << options.ring_order.value_or(0);
        rings.clear();
        for (std::uint32_t q = 0; q != options.queues; ++q) {
            auto const directory =
                options.queues == 1 ? base : base + "/queue-" + std::to_string(q);
            for (unsigned i = 0; i != pages; ++i) {
                auto const name =
                    options.ring_order ? "/ring-ref" + std::to_string(i) : "/ring-ref";
                REQUIRE(s.write(directory + name, std::to_string(q * pages + i)));
            }
            REQUIRE(s.write(directory + "/event-channel", std::to_string(10 + q)));
            rings.emplace_back(doors.page(q * pages), pages * page_size);
        }
        if (options.queues != 1) {
            REQUIRE(s.write(base + "/multi-queue-num-queues", std::to_string(options.queues)));
        }
        if (options.ring_order) {
            REQUIRE(s.write(base + "/ring-page-order", std::to_string(*options.ring_order)));
        }
        REQUIRE(s.write(base + "/feature-persistent", options.is_persistent ? "1" : "0"));
    }

    /// The toolstack's nodes of a disk.
    void add(dev::vbd_config const& c) {
        store::client const s(store::connect_memory(server, dom0, true));
        auto const d = dev::new_vbd(c, domid(3)).value();
        address = d.address;
        REQUIRE(s.transact(
            [&](store::client_transaction const& t) { return dev::write_device(t, d); }));
    }

    dev::backend_context context() {
        return {address,
                client,
                services,
                [this] { ++prepared; },
                [this] { ++disconnected; },
                [this](error e) { failed = std::move(e); }};
    }

    /// A read or write of `pages.size()` pages of data, whole ones.
    std::uint64_t put(std::uint8_t operation,
                      std::uint64_t sector,
                      std::vector<std::uint32_t> const& pages,
                      std::uint32_t queue = 0) {
        abi::blkif_request r{};
        r.operation = operation;
        r.id = ++last_id;
        r.sector_number = sector;
        if (pages.size() <= abi::blkif_max_segments_per_request) {
            r.nr_segments = static_cast<std::uint8_t>(pages.size());
            for (std::size_t i = 0; i != pages.size(); ++i) {
                r.seg[i] = {pages[i], 0, 7, 0};
            }
            rings[queue].put(r);
            return r.id;
        }
        abi::blkif_request_indirect in{};
        in.operation = abi::blkif_op_indirect;
        in.indirect_op = operation;
        in.nr_segments = static_cast<std::uint16_t>(pages.size());
        in.id = r.id;
        in.sector_number = sector;
        in.indirect_grefs[0] = indirect_page;
        auto* const list = reinterpret_cast<abi::blkif_request_segment*>(doors.page(indirect_page));
        for (std::size_t i = 0; i != pages.size(); ++i) {
            list[i] = {pages[i], 0, 7, 0};
        }
        std::memcpy(&r, &in, sizeof in);
        rings[queue].put(r);
        return r.id;
    }

    /// Shows what was put and sends the event.
    void kick(std::uint32_t queue = 0) {
        if (rings[queue].push()) {
            fire(queue);
        }
    }

    void fire(std::uint32_t queue = 0) {
        if (auto const b = services.bound.find(evtchn_port(10 + queue));
            b != services.bound.end()) {
            auto const fired = b->second;
            fired();
        }
    }

    /// Lets the backend's descriptors and what it put off run until `id` has an answer.
    std::optional<std::int16_t> wait(std::uint64_t id) {
        for (int i = 0; i != 20'000 && !answers.contains(id); ++i) {
            services.run_put_off();
            auto const fds = services.fds;
            for (auto const& [fd, ready] : fds) {
                ready();
            }
            collect();
            if (!answers.contains(id) && i > 100) {
                ::usleep(500);
            }
        }
        auto const found = answers.find(id);
        return found == answers.end() ? std::nullopt : std::optional(found->second);
    }

    void collect() {
        for (auto& ring : rings) {
            for (auto n = ring.waiting(); n && *n != 0; n = ring.wait_for_more()) {
                abi::blkif_response r{};
                ring.take(r);
                CHECK_FALSE(answers.contains(r.id)); // each once
                answers[r.id] = r.status;
            }
        }
    }

    /// Puts, kicks, waits.
    std::optional<std::int16_t> transfer(std::uint8_t operation,
                                         std::uint64_t sector,
                                         std::vector<std::uint32_t> const& pages) {
        auto const id = put(operation, sector, pages);
        kick();
        return wait(id);
    }

    std::byte* data(std::uint32_t page) const noexcept { return doors.page(page); }

    block_guest_options options;
    granting_doors doors{512};
    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    fake_services services{doors};
    dev::device_address address;
    std::vector<ring_type> rings;
    std::map<std::uint64_t, std::int16_t> answers;
    std::uint64_t last_id = 0;
    std::uint32_t indirect_page = 100;
    unsigned prepared = 0;
    unsigned disconnected = 0;
    std::optional<error> failed;
};

} // namespace xenpp::fakes
