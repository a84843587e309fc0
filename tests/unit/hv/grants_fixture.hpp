// SPDX-License-Identifier: Apache-2.0
// A machine with two guests that grant pages to one another, for tests of grant tables.
#pragma once

#include <xenpp/hv/grant_table_op.hpp>

#include <catch2/catch.hpp>

#include <fakes/fake_machine.hpp>

#include <cstring>

namespace xenpp::fakes {

using abi::gnttab_op;

inline constexpr std::uint64_t data_gfn = 8;      // the page that tests grant
inline constexpr std::uint64_t hole = 0x100'0000; // no RAM there

struct grants_fixture {
    fake_machine m;
    domain& control = *m.hv->control;
    domain& a = m.add_guest(1);
    domain& b = m.add_guest(2);

    template <class Op>
    long call(domain& d, gnttab_op cmd, Op& op) {
        auto const at = fake_machine::arguments(d);
        std::memcpy(m.memory(d, at), &op, sizeof op);
        long const r = raw(d, cmd, at, 1);
        std::memcpy(&op, m.memory(d, at), sizeof op);
        return r;
    }

    long raw(domain& d, gnttab_op cmd, std::uint64_t at, std::uint64_t count) {
        return m.call_raw(&hv::do_grant_table_op<fakes::platform>, *d.vcpus[0],
                          {static_cast<std::uint64_t>(cmd), at, count});
    }

    abi::grant_entry_v1& v1(domain& d, std::uint32_t ref) {
        return *reinterpret_cast<abi::grant_entry_v1*>(m.cpu.map(*hv::grant_frame(d, 0, false)) +
                                                       ref * sizeof(abi::grant_entry_v1));
    }

    abi::grant_entry_v2& v2(domain& d, std::uint32_t ref) {
        return *reinterpret_cast<abi::grant_entry_v2*>(m.cpu.map(*hv::grant_frame(d, 0, false)) +
                                                       ref * sizeof(abi::grant_entry_v2));
    }

    std::uint16_t& status_word(domain& d, std::uint32_t ref) {
        return reinterpret_cast<std::uint16_t*>(m.cpu.map(*hv::grant_frame(d, 0, true)))[ref];
    }

    /// Entry `ref` of `d` gives page `g` to `to`.
    void grant(
        domain& d, std::uint32_t ref, domain& to, unsigned extra = 0, std::uint64_t g = data_gfn) {
        v1(d, ref) = {static_cast<std::uint16_t>(abi::gtf_permit_access | extra), to.id.raw(),
                      static_cast<std::uint32_t>(g)};
    }

    mfn frame(domain& d, std::uint64_t g = data_gfn) { return hv::p2m_lookup(d, gfn(g))->frame; }

    std::uint32_t references(domain& d, std::uint64_t g = data_gfn) {
        return m.hv->frames.info(frame(d, g)).count;
    }

    /// Maps for the control domain (no address) or into an hvm domain.
    abi::gnttab_map_grant_ref
    map(domain& by, domain& of, std::uint32_t ref, unsigned extra = 0, std::uint64_t address = 0) {
        abi::gnttab_map_grant_ref op{};
        op.dom = of.id.raw();
        op.ref = ref;
        op.host_addr = address;
        op.flags = extra | (address == 0 ? abi::gntmap_device_map : abi::gntmap_host_map);
        REQUIRE(call(by, gnttab_op::map_grant_ref, op) == 0);
        return op;
    }

    std::int16_t
    unmap(domain& by, std::uint32_t handle, std::uint64_t address, std::uint64_t bus = 0) {
        abi::gnttab_unmap_grant_ref op{};
        op.handle = handle;
        op.host_addr = address;
        op.dev_bus_addr = bus;
        REQUIRE(call(by, gnttab_op::unmap_grant_ref, op) == 0);
        return op.status;
    }

    std::int16_t set_version(domain& d, std::uint32_t version) {
        abi::gnttab_set_version op{version};
        return static_cast<std::int16_t>(call(d, gnttab_op::set_version, op));
    }

    abi::gnttab_copy
    copy_op(domain& from, std::uint32_t ref, std::uint16_t offset, std::uint16_t n) {
        abi::gnttab_copy op{};
        op.source.u.ref = ref;
        op.source.domid = from.id.raw();
        op.source.offset = offset;
        op.dest.u.gmfn = data_gfn;
        op.dest.domid = 0x7ff0;
        op.len = n;
        op.flags = abi::gntcopy_source_gref;
        return op;
    }
};

} // namespace xenpp::fakes
