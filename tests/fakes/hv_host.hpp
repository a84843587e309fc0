// SPDX-License-Identifier: Apache-2.0
// A whole hypervisor on a machine made of memory, with a control domain and a window to call from.
#pragma once

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/pv/cpuid.hpp>

#include <fakes/fake_cpuid.hpp>
#include <fakes/fake_platform.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace xenpp::fakes {

/// The control domain's window is the 2 MiB from machine address 32 MiB; domain 0's shared info is
/// its second page. Test data goes into the rest, through `put` and `peek`.
class hv_host {
public:
    using platform_type = fake_platform;
    using domain = hv::domain<fake_platform>;
    using vcpu = hv::vcpu<fake_platform>;

    static constexpr std::uint64_t window_base = 0x6800'0000'0000;
    static constexpr mfn window_frame{8192};
    static constexpr std::uint64_t window_size = 2U << 20;
    static constexpr std::uint64_t scratch = window_base + (64U << 10);

    explicit hv_host(std::uint64_t frames = 65536, unsigned cpus = 2)
        : platform(frames, cpus)
        , owned_(std::make_unique<hv::hypervisor<fake_platform>>(platform))
        , hv(*owned_) {
        platform.run_on(cpu_id(0)); // whichever CPU the thread was in another host
        hv.frames.add(mfn(0), frames, true).value();
        while (true) { // the window's frames become domain 0's, what is before them comes back
            auto const f = hv.frames.allocate(9, dom0, hv::page_use::guest).value();
            if (f == window_frame) {
                break;
            }
            set_aside_[set_aside_count_++] = f;
        }
        for (unsigned i = 0; i != set_aside_count_; ++i) {
            hv.frames.free(set_aside_[i], 9);
        }
        while (hv.frames.scrub_some()) {
        }
        hv.host_cpuid = hv::host_cpuid_policy(fake_cpuid);
        hv.hvm_cpuid = hv::hvm_cpuid_policy(hv.host_cpuid);
        hv.pv_cpuid = hv::pv::max_cpuid(hv.host_cpuid);
        hv.cpu_epoch.fill(~std::uint64_t{0}); // nobody holds a stale translation
        hv::create_control_domain(hv, {window_base, to_maddr(window_frame), window_size}, page_size)
            .value();
        baseline = hv.frames.free_pages();
    }

    /// The control domain's vCPU, which makes the calls of the toolstack.
    vcpu& control() { return *hv.control->vcpus[0]; }

    /// A paused PVH domain with `vcpus` vCPUs and room for `pages` pages.
    domain& make_domain(unsigned vcpus = 1, std::uint64_t pages = 65536) {
        auto& d = *hv::create_domain(hv, free_id(), create_args(vcpus)).value();
        d.max_pages = pages;
        for (unsigned i = 0; i != vcpus; ++i) {
            hv::vcpu_create(d, vcpu_id(i)).value();
        }
        return d;
    }

    static abi::domctl_createdomain create_args(unsigned vcpus = 1) {
        abi::domctl_createdomain c{};
        c.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
        c.max_vcpus = vcpus;
        c.max_evtchn_port = 1023;
        c.max_grant_frames = -1;
        c.max_maptrack_frames = -1;
        c.grant_opts = 1;
        c.arch.emulation_flags = abi::x86_emu_lapic;
        c.handle[0] = 0x42;
        return c;
    }

    /// Destroys `d` as a toolstack would; says in how many calls.
    unsigned kill(domain& d) {
        auto const ref = hv::find_domain(hv, d.id);
        unsigned calls = 1;
        while (!hv::destroy_domain(d)) {
            ++calls;
        }
        return calls;
    }

    /// Gives `d` 2^order frames at `g`.
    mfn populate(domain& d, gfn g, unsigned order = 0) {
        auto const f = hv::allocate_domain_pages(d, order).value();
        hv::p2m_add(d, g, f, order).value();
        return f;
    }

    /// All that was freed later is free now.
    std::uint64_t settle() {
        while (hv.frames.reclaim()) {
        }
        return hv.frames.free_pages();
    }

    domid free_id() const {
        std::uint16_t n = 1;
        while (hv.domains[n] != nullptr) {
            ++n;
        }
        return domid(n);
    }

    /// The bytes behind an address of the window.
    std::byte* at(std::uint64_t address) {
        return platform.map(window_frame) + (address - window_base);
    }

    template <class T>
    std::uint64_t put(T const& value, std::uint64_t address = scratch) {
        std::memcpy(at(address), &value, sizeof value);
        return address;
    }

    template <class T>
    T peek(std::uint64_t address = scratch) {
        T value;
        std::memcpy(&value, at(address), sizeof value);
        return value;
    }

    /// Makes hypercall `f` until it needs no restart; what the caller sees: a value or -errno.
    /// `turns` says how often it was made.
    template <class F>
    long call(F f, vcpu& v, std::array<std::uint64_t, 6> arg) {
        hv::hypercall_args args{arg};
        for (turns = 1; turns < 1'000'000; ++turns) {
            auto const r = f(v, args);
            if (r) {
                return static_cast<long>(*r);
            }
            if (r.error() != errc::restart) {
                return to_abi(r.error());
            }
        }
        std::abort(); // it would restart for ever
    }

    /// As the control domain, with `op` as the structure at `arg[n]`, which is read back.
    template <class F, class Op>
    long call_with(F f, std::array<std::uint64_t, 6> arg, unsigned n, Op& op) {
        arg[n] = put(op, hv_host::window_base + 8192);
        auto const r = call(f, control(), arg);
        op = peek<Op>(arg[n]);
        return r;
    }

    unsigned turns = 0;
    fake_platform platform;

private:
    std::unique_ptr<hv::hypervisor<fake_platform>> owned_;
    std::array<mfn, 64> set_aside_{};
    unsigned set_aside_count_ = 0;

public:
    hv::hypervisor<fake_platform>& hv;
    std::uint64_t baseline = 0; ///< free frames with nothing but the control domain
};

} // namespace xenpp::fakes
