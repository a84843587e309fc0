// SPDX-License-Identifier: Apache-2.0
// A hypervisor on a fake machine, with a control domain and guests that a test drives by hand.
#pragma once

#include "fake_platform.hpp"

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

namespace xenpp::fakes {

using platform = fake_platform;
using domain = hv::domain<platform>;
using vcpu = hv::vcpu<platform>;

/// The value that the caller of a hypercall sees: the result, or a negative errno.
inline long abi_value(hv::hypercall_result const& r) {
    return r ? static_cast<long>(*r) : to_abi(r.error());
}

/// Domain 0 is the control domain; `add_guest` makes hvm domains with 16 pages of RAM from gfn 0.
/// Their paging is off, so an address is a gfn and an offset. Page 1 of a guest, and the control
/// window's first page, carry hypercall arguments.
class fake_machine {
public:
    using handler = hv::hypercall_result (*)(vcpu&, hv::hypercall_args&);

    static constexpr std::uint64_t ram_pages = 16;
    static constexpr std::uint64_t argument_address = page_size;

    explicit fake_machine(std::uint64_t frames = 16384)
        : cpu(frames, 2), hv(std::make_unique<hv::hypervisor<platform>>(cpu)) {
        hv->cpu_epoch.fill(~std::uint64_t{0}); // all CPUs idle: freed frames can be reused at once
        must(hv->frames.add(mfn(1), frames - 1, true));
        auto const window = must(hv->frames.allocate(4, dom0, hv::page_use::guest));
        must(hv::create_control_domain(*hv, {0x7000'0000'0000, to_maddr(window), 16 * page_size},
                                       15 * page_size));
    }

    /// A new hvm domain, unpaused, its vCPUs neither initialised nor up.
    domain& add_guest(std::uint16_t id, unsigned vcpus = 2) {
        abi::domctl_createdomain c{};
        c.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
        c.max_vcpus = vcpus;
        c.max_evtchn_port = ~std::uint32_t{0};
        c.max_grant_frames = -1;
        c.max_maptrack_frames = -1;
        c.grant_opts = 2;
        c.arch.emulation_flags = abi::x86_emu_lapic;
        auto& d = *must(hv::create_domain(*hv, domid(id), c));
        d.max_pages = 4096;
        for (unsigned n = 0; n < vcpus; ++n) {
            must(hv::vcpu_create(d, vcpu_id(n)));
        }
        for (std::uint64_t g = 0; g < ram_pages; ++g) {
            add_page(d, gfn(g));
        }
        must(hv::domain_unpause(d));
        return d;
    }

    /// The memory of a guest page, or of the control window.
    std::byte* memory(domain& d, std::uint64_t address) {
        if (d.kind == hv::domain_kind::control) {
            return cpu.map(to_mfn(hv->window.machine_base)) + address - hv->window.virtual_base;
        }
        return must(hv::get_page(d, gfn(address / page_size))).map() + address % page_size;
    }

    template <class T>
    T& at(domain& d, std::uint64_t address) {
        return *reinterpret_cast<T*>(memory(d, address));
    }

    static std::uint64_t arguments(domain& d) {
        return d.kind == hv::domain_kind::control ? d.hv.window.virtual_base : argument_address;
    }

    /// Makes a hypercall of vCPU `v` whose structure is `op`, until it needs no restart.
    template <class Op>
    long call(handler f, vcpu& v, std::uint64_t cmd, Op& op) {
        auto const address = arguments(v.dom);
        std::memcpy(memory(v.dom, address), &op, sizeof op);
        long const r = call_raw(f, v, {cmd, address});
        std::memcpy(&op, memory(v.dom, address), sizeof op);
        return r;
    }

    static long call_raw(handler f, vcpu& v, std::array<std::uint64_t, 6> const& arg) {
        hv::hypercall_args args{arg};
        for (unsigned i = 0; i < 100'000; ++i) {
            auto const r = f(v, args);
            if (r || r.error() != errc::restart) {
                return abi_value(r);
            }
        }
        throw std::runtime_error("a hypercall restarts for ever");
    }

    /// One more page of RAM at `g`.
    void add_page(domain& d, gfn g) {
        must(hv::p2m_add(d, g, must(hv::allocate_domain_pages(d, 0)), 0));
    }

    template <class T, class E>
    static T must(expected<T, E> r) {
        return std::move(r).value();
    }

    static void must(expected<void, errc> r) { r.value(); }

    platform cpu;
    std::unique_ptr<hv::hypervisor<platform>> hv;
};

} // namespace xenpp::fakes
