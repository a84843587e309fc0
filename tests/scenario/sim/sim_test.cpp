// SPDX-License-Identifier: Apache-2.0
// The simulation through its doors: hypercalls, foreign pages, grants, events, time.
#include "sim_domain.hpp"

#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/link/link_op.hpp>

#include <poll.h>

#include <array>
#include <cstring>
#include <functional>

using namespace xenpp;
using namespace xenpp::transport;
using tests::call;
using tests::sim_domain;

namespace {

/// A guest made of one function.
struct lambda_guest final : sim_guest {
    explicit lambda_guest(std::function<sim_exit(sim_vcpu&)> f) : run_one(std::move(f)) {}

    sim_exit run(sim_vcpu& v) override { return run_one(v); }

    std::function<sim_exit(sim_vcpu&)> run_one;
};

link::link_info held_by_slot(doors& d, std::uint32_t slot) {
    link::link_info info{};
    info.slot = slot;
    REQUIRE(call(d, abi::hypercall::arch_7, link::link_cmd::info, info) == 0);
    return info;
}

/// What a guest's upcall does.
void take_events(sim_domain& guest) {
    auto& info = *guest.inside().shared_info;
    info.vcpu_info[0].evtchn_upcall_pending = 0;
    info.vcpu_info[0].evtchn_pending_sel = 0;
    info.evtchn_pending[0] = 0;
}

bool is_readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
}

} // namespace

TEST_CASE("sim.answers_as_xen_4_17") {
    auto s = sim::create().value();
    CHECK(s.doors().hypercall(static_cast<unsigned>(abi::hypercall::xen_version), {}).value() ==
          ((4 << 16) | 17));
    CHECK(s.doors().hypercall(60, {}).value() == -ENOSYS);
    CHECK(s.doors().description().find("simulation") == 0);
    auto other = sim::create({.memory_mib = 256, .cpus = 1}).value(); // as many as one likes
    CHECK(other.doors().hypercall(17, {}).value() == ((4 << 16) | 17));
}

TEST_CASE("sim.create_refuses_what_cannot_be") {
    CHECK_FALSE(sim::create({.memory_mib = 16}));
    CHECK_FALSE(sim::create({.cpus = 0}));
    CHECK_FALSE(sim::create({.cpus = 65}));
}

TEST_CASE("sim.hypercall_memory_comes_from_an_arena_and_runs_out") {
    auto s = sim::create({.memory_mib = 256}).value();
    auto& d = s.doors();
    auto const big = d.allocate(link::arena_size).value();
    auto const more = d.allocate(1);
    REQUIRE_FALSE(more);
    CHECK(more.error().code == ENOMEM);
    std::memset(big.data, 0xff, big.size);
    d.release(big);
    auto const again = hypercall_buffer<std::uint64_t>::create(d, 512).value();
    CHECK(again.address() % page_size == 0);
    for (auto const v : again.all()) {
        REQUIRE(v == 0);
    }
}

TEST_CASE("sim.foreign_pages_are_the_guests_memory") {
    auto s = sim::create({.memory_mib = 512}).value();
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0x100), 700) == 700);
    auto& d = s.doors();
    auto const free_before = s.machine().hypervisor.frames.free_pages();
    {
        auto const range = d.map_foreign(guest.id, gfn(0x100), 700, os::access::read_write).value();
        CHECK(range.size() == 700 * page_size);
        for (std::size_t i = 0; i < 700; ++i) {
            auto const mark = static_cast<std::uint64_t>(i) * 3 + 1;
            std::memcpy(range.data() + i * page_size + 8, &mark, sizeof mark);
        }
        // In any order, and twice if one likes.
        std::array const some{gfn(0x100 + 5), gfn(0x100 + 699), gfn(0x100), gfn(0x100 + 5)};
        auto const list = d.map_foreign(guest.id, some, os::access::read_only).value();
        for (std::size_t i = 0; i < some.size(); ++i) {
            std::uint64_t mark = 0;
            std::memcpy(&mark, list.data() + i * page_size + 8, sizeof mark);
            CHECK(mark == (some[i] - gfn(0x100)) * 3 + 1);
        }
        auto const info = held_by_slot(d, 0);
        CHECK(info.mappings == 2);
        CHECK(info.frames == 704);
        CHECK(info.version == link::version);
    }
    CHECK(held_by_slot(d, 0).mappings == 0);
    CHECK(held_by_slot(d, 0).frames == 0);
    // The books of mappings stay; nothing else does.
    CHECK(s.machine().hypervisor.frames.free_pages() + 2 >= free_before);
}

TEST_CASE("sim.a_foreign_mapping_keeps_the_frames_of_a_dead_domain") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0), 16) == 16);
    auto& frames = s.machine().hypervisor.frames;
    auto mapped = s.doors().map_foreign(guest.id, gfn(4), 2, os::access::read_write).value();
    std::memset(mapped.data(), 0x5a, mapped.size());
    guest.destroy();
    s.run();
    CHECK(s.machine().hypervisor.domains[1] != nullptr); // a zombie, while its frames are held
    CHECK(mapped.data()[page_size + 9] == std::byte{0x5a});
    auto const held = frames.free_pages();
    mapped = foreign_mapping();
    s.run();
    CHECK(s.machine().hypervisor.domains[1] == nullptr);
    CHECK(frames.free_pages() > held);
}

TEST_CASE("sim.an_acquired_resource_outlives_its_domain") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    auto const request = hypercall_buffer<abi::mem_acquire_resource>::create(s.doors()).value();
    auto const frames = hypercall_buffer<std::uint64_t>::create(s.doors(), 2).value();
    request->domid = guest.id.raw();
    request->type = abi::xenmem_resource_grant_table;
    request->nr_frames = 2;
    request->frame_list = {frames.address()};
    auto const acquire = [&] {
        return s.doors()
            .hypercall(
                12, {static_cast<std::uint64_t>(abi::mem_op::acquire_resource), request.address()})
            .value();
    };
    CHECK(acquire() == 0);
    CHECK(held_by_slot(s.doors(), 0).frames == 2);
    auto const& page = s.machine().hypervisor.frames.info(mfn(frames[0]));
    CHECK(page.count == 2);
    request->frame = 63; // the second of these is beyond the table: nothing is held
    CHECK(acquire() == -EINVAL);
    CHECK(held_by_slot(s.doors(), 0).frames == 2);
    guest.destroy();
    s.run();
    CHECK(page.count == 1);
    CHECK(page.use == hv::page_use::shared);
}

TEST_CASE("sim.what_cannot_be_mapped_is_named") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0), 10) == 10);
    auto const hole = s.doors().map_foreign(guest.id, gfn(8), 4, os::access::read_write);
    REQUIRE_FALSE(hole);
    CHECK(hole.error().message().find("guest frame 0xa") != std::string::npos);
    CHECK(hole.error().domid == 1);
    auto const nobody = s.doors().map_foreign(domid(7), gfn(0), 1, os::access::read_write);
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().code == ESRCH);
    CHECK_FALSE(s.doors().map_foreign(guest.id, gfn(0), 0, os::access::read_write));
    CHECK(held_by_slot(s.doors(), 0).mappings == 0);
}

TEST_CASE("sim.vcpus_run_block_and_wake") {
    auto s = sim::create({.memory_mib = 256, .cpus = 2}).value();
    std::vector<unsigned> order;
    lambda_guest software([&](sim_vcpu& v) {
        order.push_back(v.id().raw());
        return order.size() < 6 ? sim_exit::yield : sim_exit::halt;
    });
    s.set_guest(&software);
    sim_domain guest(s, 3, 2);
    CHECK(s.run() == 0); // paused
    guest.unpause();
    CHECK(is_readable(s.fd()));
    CHECK(s.run() == 7);
    CHECK(guest.inside().is_shut_down);
    CHECK(guest.inside().shutdown_code == abi::shutdown_poweroff);
    CHECK(s.run() == 0);
    guest.destroy();
    CHECK(s.machine().hypervisor.domains[3] == nullptr);
}

TEST_CASE("sim.a_guest_that_only_yields_can_be_killed") {
    auto s = sim::create({.memory_mib = 256}).value();
    lambda_guest software([&](sim_vcpu&) { return sim_exit::yield; });
    s.set_guest(&software);
    sim_domain guest(s);
    guest.unpause();
    CHECK(s.run(100) == 100);
    CHECK(is_readable(s.fd()));
    guest.destroy();
    CHECK(s.machine().hypervisor.domains[1] == nullptr);
}

TEST_CASE("sim.events_go_both_ways") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    auto events = s.doors().open_event_channels().value();
    auto const port = events->bind_unbound(guest.id).value();
    CHECK_FALSE(is_readable(events->fd()));

    abi::evtchn_port_t guest_port = 0;
    unsigned upcalls = 0;
    lambda_guest software([&](sim_vcpu& v) {
        // Its arguments lie in its page 0.
        if (guest_port == 0) {
            auto* const op = reinterpret_cast<abi::evtchn_bind_interdomain*>(v.memory(gfn(0)));
            *op = {0, 0, port.raw(), 0};
            REQUIRE(v.hypercall(
                        32, {static_cast<std::uint64_t>(abi::evtchn_op::bind_interdomain)}) == 0);
            guest_port = op->local_port;
            take_events(guest); // a port is born pending
        } else if (v.has_event()) {
            ++upcalls;
            take_events(guest);
            std::memcpy(v.memory(gfn(0)), &guest_port, sizeof guest_port);
            REQUIRE(v.hypercall(32, {static_cast<std::uint64_t>(abi::evtchn_op::send)}) == 0);
        }
        return sim_exit::block;
    });
    s.set_guest(&software);
    REQUIRE(guest.populate(gfn(0), 1) == 1);
    guest.unpause();
    s.run();
    REQUIRE(guest_port != 0);

    for (unsigned i = 1; i <= 3; ++i) {
        REQUIRE(events->notify(port));
        s.run();
        CHECK(upcalls == i);
        CHECK(is_readable(events->fd()));
        CHECK(events->pending().value() == port);
        CHECK_FALSE(events->pending().value().has_value());
        REQUIRE(events->unmask(port));
    }
    // Masked until it is unmasked, and then at once.
    REQUIRE(events->notify(port));
    s.run();
    CHECK(events->pending().value() == port);
    REQUIRE(events->notify(port));
    s.run();
    CHECK_FALSE(is_readable(events->fd()));
    REQUIRE(events->unmask(port));
    CHECK(events->pending().value() == port);
    // More than the link's ring has entries for, and calls in between.
    auto const version = static_cast<unsigned>(abi::hypercall::xen_version);
    for (unsigned i = 0; i != 40; ++i) {
        REQUIRE(events->notify(port));
        if (i % 7 == 0) {
            CHECK(s.doors().hypercall(version, {}).value() == 0x00040011);
        }
    }
    REQUIRE(events->unbind(port));
    CHECK(events->notify(port)); // into the void
}

TEST_CASE("sim.a_virq_has_one_owner_and_tells_of_a_domains_end") {
    auto s = sim::create({.memory_mib = 256}).value();
    auto events = s.doors().open_event_channels().value();
    auto const port = events->bind_virq(abi::virq_dom_exc).value();
    auto second = s.doors().open_event_channels().value();
    CHECK(second->bind_virq(abi::virq_dom_exc).error().code == EEXIST);
    CHECK_FALSE(second->unbind(port));
    CHECK_FALSE(second->bind_interdomain(domid(0x1234), evtchn_port(3)));

    lambda_guest software([](sim_vcpu&) { return sim_exit::crash; });
    s.set_guest(&software);
    sim_domain guest(s);
    guest.unpause();
    s.run();
    CHECK(guest.inside().is_shut_down);
    CHECK(events->pending().value() == port);
    events.reset(); // gives its ports back
    CHECK(second->bind_virq(abi::virq_dom_exc).has_value());
}

TEST_CASE("sim.a_new_broker_takes_over_the_ports_of_a_dead_one") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    auto& m = s.machine();
    auto events = s.doors().open_event_channels().value();
    auto const virq = events->bind_virq(abi::virq_dom_exc).value();
    auto const unbound = events->bind_unbound(guest.id).value();
    auto const useless = events->bind_unbound(guest.id).value();

    // A killed process closes nothing: the old broker and its client just stay silent.
    auto fresh = evtchn_broker::create(m.doors, m.window()).value();
    auto client = fresh->open().value();
    CHECK(client->bind_virq(abi::virq_dom_exc).value() == virq);
    CHECK(client->pending().value() == virq); // an event may have been lost
    auto const again = client->bind_unbound(guest.id).value();
    CHECK((again == unbound || again == useless));
    CHECK(fresh->close_orphans() == 1);
    CHECK(fresh->close_orphans() == 0);
    auto const another = client->bind_unbound(guest.id).value();
    CHECK((another == unbound || another == useless)); // it is free again
    client.reset();
}

TEST_CASE("sim.grants_are_mapped_and_given_back") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0), 64) == 64);
    abi::add_to_physmap table{guest.id.raw(), 0, abi::xenmapspace_grant_table, 0, 0x200};
    REQUIRE(call(s.doors(), abi::hypercall::memory_op, abi::mem_op::add_to_physmap, table) == 0);
    auto const entries_page =
        s.doors().map_foreign(guest.id, gfn(0x200), 1, os::access::read_write).value();
    auto* const entries = reinterpret_cast<abi::grant_entry_v1*>(entries_page.data());
    for (std::uint32_t i = 8; i < 40; ++i) {
        entries[i] = {abi::gtf_permit_access, 0, i};
    }
    entries[12].flags |= abi::gtf_readonly;
    std::vector<grant_ref> refs;
    for (std::uint32_t i = 8; i < 40; ++i) {
        refs.emplace_back(i);
    }
    auto const one_read_only = s.doors().map_grants(guest.id, refs, os::access::read_write);
    REQUIRE_FALSE(one_read_only);
    CHECK(one_read_only.error().message().find("grant 12") != std::string::npos);
    CHECK((entries[8].flags & (abi::gtf_reading | abi::gtf_writing)) == 0); // all or none
    {
        auto const all = s.doors().map_grants(guest.id, refs, os::access::read_only).value();
        CHECK(all.size() == 32 * page_size);
        CHECK((entries[8].flags & abi::gtf_reading) != 0);
        auto const memory =
            s.doors().map_foreign(guest.id, gfn(8), 32, os::access::read_write).value();
        memory.data()[7 * page_size] = std::byte{0x77};
        CHECK(all.data()[7 * page_size] == std::byte{0x77});
    }
    CHECK((entries[8].flags & abi::gtf_reading) == 0);
    CHECK(held_by_slot(s.doors(), 0).mappings == 1);
    CHECK_FALSE(s.doors().map_grants(guest.id, {}, os::access::read_only));
}

TEST_CASE("sim.grants_are_copied_piece_by_piece") {
    auto s = sim::create({.memory_mib = 256}).value();
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0), 256) == 256);
    abi::add_to_physmap table{guest.id.raw(), 0, abi::xenmapspace_grant_table, 0, 0x200};
    REQUIRE(call(s.doors(), abi::hypercall::memory_op, abi::mem_op::add_to_physmap, table) == 0);
    auto const entries_page =
        s.doors().map_foreign(guest.id, gfn(0x200), 1, os::access::read_write).value();
    auto* const entries = reinterpret_cast<abi::grant_entry_v1*>(entries_page.data());
    for (std::uint32_t i = 8; i < 208; ++i) {
        entries[i] = {abi::gtf_permit_access, 0, i};
    }
    entries[9].flags |= abi::gtf_readonly;
    auto const memory =
        s.doors().map_foreign(guest.id, gfn(0), 256, os::access::read_write).value();
    std::vector<std::byte> bytes(200 * page_size, std::byte{0x5a});

    // More pieces than one hypercall takes; one of them may not be written to.
    std::vector<grant_copy> pieces;
    for (std::uint32_t i = 0; i < 200; ++i) {
        pieces.push_back({.ref = grant_ref(8 + i),
                          .offset = i,
                          .local = std::span(bytes).subspan(i * page_size, page_size - 200),
                          .to_grant = true});
    }
    REQUIRE(s.doors().copy_grants(guest.id, pieces));
    for (std::uint32_t i = 0; i < 200; ++i) {
        CHECK(pieces[i].is_done == (i != 1));
        auto const* const page = memory.data() + (8 + i) * page_size;
        CHECK(page[i] == (i == 1 ? std::byte{0} : std::byte{0x5a}));
        CHECK(page[i + page_size - 201] == page[i]);
        CHECK(page[i + page_size - 200] == std::byte{0});
    }
    // And back; reading is allowed everywhere, but not what was not granted.
    memory.data()[9 * page_size + 5] = std::byte{0x11};
    std::array<std::byte, 16> some{};
    std::array back{grant_copy{.ref = grant_ref(9), .offset = 0, .local = some},
                    grant_copy{.ref = grant_ref(7), .offset = 0, .local = some},
                    grant_copy{.ref = grant_ref(4'000'000), .offset = 0, .local = some}};
    REQUIRE(s.doors().copy_grants(guest.id, back));
    CHECK(back[0].is_done);
    CHECK_FALSE(back[1].is_done);
    CHECK_FALSE(back[2].is_done);
    CHECK(some[5] == std::byte{0x11});
    CHECK((entries[9].flags & (abi::gtf_reading | abi::gtf_writing)) == 0);
    grant_copy crossing{.ref = grant_ref(9), .offset = page_size - 8, .local = some};
    CHECK_FALSE(s.doors().copy_grants(guest.id, {&crossing, 1}));
}

TEST_CASE("sim.time_stands_still_until_it_is_moved") {
    auto s = sim::create({.memory_mib = 256}).value();
    auto const begin = s.now_ns();
    CHECK(s.now_ns() == begin);
    unsigned visits = 0;
    lambda_guest software([&](sim_vcpu& v) {
        if (visits++ == 0) {
            auto* const op = reinterpret_cast<abi::vcpu_set_singleshot_timer*>(v.memory(gfn(0)));
            *op = {begin + 5'000'000, 0, 0};
            auto const command = static_cast<std::uint64_t>(abi::vcpu_op::set_singleshot_timer);
            CHECK(v.hypercall(static_cast<unsigned>(abi::hypercall::vcpu_op), {command, 0, 0}) ==
                  0);
        }
        return sim_exit::block;
    });
    s.set_guest(&software);
    sim_domain guest(s);
    REQUIRE(guest.populate(gfn(0), 1) == 1);
    guest.unpause();
    s.run();
    CHECK(visits == 1);
    CHECK(s.next_deadline_ns() == begin + 5'000'000);
    s.advance(4'999'999);
    s.run();
    CHECK(s.next_deadline_ns() == begin + 5'000'000);
    s.advance(1);
    s.run();
    CHECK(s.next_deadline_ns() == 0);
}

TEST_CASE("sim.shutdown_ends_the_machine") {
    auto s = sim::create({.memory_mib = 256}).value();
    s.machine().platform.shutdown_machine(false);
    CHECK(s.is_shut_down());
    auto const r = s.doors().hypercall(17, {});
    REQUIRE_FALSE(r);
    CHECK(r.error().message().find("shut down") != std::string::npos);
}
