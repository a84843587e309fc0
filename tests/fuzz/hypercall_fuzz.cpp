// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the life of a machine: hypercalls and exits of a control domain and of hostile
// guests, time, memory that changes under the hypervisor's hands, failing allocations.
#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/exit_io.hpp>
#include <xenpp/hv/exit_mmio.hpp>
#include <xenpp/hv/exit_msr.hpp>
#include <xenpp/hv/exit_processor.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/pv/cpuid.hpp>
#include <xenpp/hv/timer_service.hpp>
#include <xenpp/x86/svm_exit.hpp>

#include <fakes/byte_source.hpp>
#include <fakes/fake_cpuid.hpp>
#include <fakes/fake_platform.hpp>
#include <fakes/hv_invariants.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

using namespace xenpp;
using fakes::byte_source;
using fakes::fake_platform;
using domain = hv::domain<fake_platform>;
using vcpu = hv::vcpu<fake_platform>;

namespace {

/// A vendor whose instructions are all two bytes long.
struct plain_vendor {
    static constexpr std::uint8_t call_opcode = 0xd9;

    static bool skip(vcpu& v) noexcept {
        v.context.rip += 2;
        return true;
    }

    static void inject(vcpu&, hv::exit_action const&) noexcept {}

    static void set_efer(vcpu& v, std::uint64_t x) noexcept { v.context.efer = x; }

    static void set_pat(vcpu&, std::uint64_t) noexcept {}
};

class arena {
public:
    static constexpr std::uint64_t frames = 2560;
    static constexpr unsigned cpus = 2;
    /// The window is where small numbers point to, like a guest's RAM: the fuzzer finds both.
    static constexpr std::uint64_t window_pages = 16;
    static constexpr std::uint64_t argument = page_size;
    static constexpr std::uint64_t argument_room = 256;

    arena() : cpu_(frames, cpus), hv_(std::make_unique<hv::hypervisor<fake_platform>>(cpu_)) {
        hv_->frames.add(mfn(1), frames - 1, true).value();
        auto const window = hv_->frames.allocate(4, dom0, hv::page_use::guest).value();
        hv_->host_cpuid = hv::host_cpuid_policy(fakes::fake_cpuid);
        hv_->hvm_cpuid = hv::hvm_cpuid_policy(hv_->host_cpuid);
        hv_->pv_cpuid = hv::pv::max_cpuid(hv_->host_cpuid);
        hv_->guest_console = true;
        hv::create_control_domain(*hv_, {0, to_maddr(window), window_pages * page_size},
                                  15 * page_size)
            .value();
        invariants_.emplace(*hv_);
        for (unsigned c = 0; c < cpus; ++c) {
            hv_->scheduler.on(cpu_id(c)).online = true;
            pass(c);
        }
        add_guest(1);
        add_guest(2);
    }

    void run(byte_source in) {
        for (unsigned n = 0; n < 96 && !in.is_empty(); ++n) {
            step(in);
            if (n % 16 == 0) { // it takes longer than all the rest
                check();
            }
        }
        end();
    }

private:
    static void fail(std::string const& why) {
        std::fprintf(stderr, "invariant broken: %s\n", why.c_str());
        std::abort();
    }

    void check() {
        if (auto const fault = invariants_->find_fault(); !fault.empty()) {
            fail(fault);
        }
    }

    /// What each CPU's run loop does, over and over.
    void pass(unsigned c) {
        cpu_.run_on(cpu_id(c));
        atomic_store(hv_->cpu_epoch[c], atomic_load(hv_->epoch));
        hv::run_timers(*hv_);
        auto* const before = running_[c];
        auto* const next = hv::choose(*hv_, before);
        if (next == before) {
            if (next != nullptr) {
                atomic_store(next->startup, 0U);
            }
            return;
        }
        if (before != nullptr) {
            hv::switched_from(*before);
        }
        running_[c] = next;
        if (next != nullptr) {
            atomic_store(next->startup, 0U);
            hv::publish_runstate(*next);
        }
    }

    void add_guest(std::uint16_t id) {
        abi::domctl_createdomain c{};
        c.flags = abi::domctl_cdf_hvm | abi::domctl_cdf_hap;
        c.max_vcpus = 2;
        c.max_evtchn_port = 255;
        c.max_grant_frames = 4;
        c.max_maptrack_frames = 4;
        c.grant_opts = 2;
        c.arch.emulation_flags = abi::x86_emu_lapic;
        auto const made = hv::create_domain(*hv_, domid(id), c);
        if (!made) {
            return;
        }
        auto& d = **made;
        d.max_pages = 64;
        for (unsigned n = 0; n < c.max_vcpus; ++n) {
            if (auto const v = hv::vcpu_create(d, vcpu_id(n))) {
                (*v)->initialised = true;
                atomic_fetch_and((*v)->pause, ~std::uint32_t{hv::pause_down});
                (*v)->context.code32 = true;
            }
        }
        for (std::uint64_t g = 0; g < 16; ++g) {
            auto const f = hv::allocate_domain_pages(d, 0);
            if (f && !hv::p2m_add(d, gfn(g), *f, 0)) {
                hv::put_block(d, *f, 0);
            }
        }
        static_cast<void>(hv::domain_unpause(d));
    }

    /// The caller of the next call: a guest's vCPU that is on this CPU, or the control domain's.
    vcpu& caller(byte_source& in) {
        auto const who = in.take<std::uint8_t>();
        unsigned const c = who & 1;
        pass(c);
        return (who & 2) != 0 && running_[c] != nullptr ? *running_[c] : *hv_->control->vcpus[0];
    }

    /// A domain's memory at one of its small addresses, if there is some.
    std::byte* memory(domain& d, std::uint64_t address) {
        if (d.kind == hv::domain_kind::control) {
            return cpu_.map(to_mfn(hv_->window.machine_base)) + address;
        }
        auto const page = hv::get_page(d, gfn(address / page_size));
        return page ? page->map() + address % page_size : nullptr;
    }

    void scribble(domain& d, byte_source& in) {
        std::uint64_t const address = in.take<std::uint16_t>() & 0xfff8;
        std::array<std::uint8_t, 16> bytes{};
        in.fill(bytes.data(), bytes.size());
        // Domain 0 does not overwrite its shared info with nonsense: it trusts what it keeps there.
        bool const is_shared = &d == hv_->control && address >= (window_pages - 1) * page_size;
        if (auto* const at = is_shared ? nullptr : memory(d, address)) {
            std::memcpy(at, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
        }
    }

    void hypercall(byte_source& in) {
        auto& v = caller(in);
        auto const& rows = hv::hypercall_rows<fake_platform>;
        auto const row = in.take<std::uint8_t>();
        auto const number = row < 224 ? static_cast<unsigned>(rows[row % rows.size()].number) : row;
        bool const is_control = v.dom.kind == hv::domain_kind::control;
        hv::hypercall_args args{};
        args.arg[0] = in.take<std::uint8_t>();
        std::array<std::uint8_t, argument_room> structure{};
        in.fill(structure.data(), in.below(argument_room));
        using abi::hypercall;
        bool const takes_structure_first = number == static_cast<unsigned>(hypercall::domctl) ||
                                           number == static_cast<unsigned>(hypercall::sysctl) ||
                                           number == static_cast<unsigned>(hypercall::platform_op);
        if (is_control && takes_structure_first) {
            set_version(number, structure, static_cast<std::uint32_t>(args.arg[0]));
            args.arg[0] = argument;
        } else {
            args.arg[1] = argument;
            args.arg[2] = in.below(8);
            if (number == static_cast<unsigned>(hypercall::vcpu_op)) {
                std::swap(args.arg[1], args.arg[2]);
            } else if (number == static_cast<unsigned>(hypercall::multicall)) {
                args.arg[0] = argument;
                args.arg[1] = in.below(8);
            } else if (number == static_cast<unsigned>(hypercall::console_io)) {
                args.arg[1] = in.take<std::uint16_t>();
                args.arg[2] = in.take<std::uint16_t>();
            }
        }
        if (in.below(16) == 15) { // wild
            in.fill(&args.arg[in.below(args.arg.size())], sizeof args.arg[0]);
        }
        if (auto* const at = memory(v.dom, argument)) {
            std::memcpy(at, structure.data(), structure.size());
        }
        make_call(v, number, args, in);
    }

    static void set_version(unsigned number, std::span<std::uint8_t> s, std::uint32_t cmd) {
        using abi::hypercall;
        std::uint32_t const version =
            number == static_cast<unsigned>(hypercall::domctl)   ? abi::domctl_interface_version
            : number == static_cast<unsigned>(hypercall::sysctl) ? abi::sysctl_interface_version
                                                                 : abi::xenpf_interface_version;
        std::memcpy(s.data(), &cmd, sizeof cmd);
        std::memcpy(s.data() + sizeof cmd, &version, sizeof version);
    }

    /// Calls until the call needs no other turn; the other CPU and hostile writes go in between.
    void make_call(vcpu& v, unsigned number, hv::hypercall_args& args, byte_source& in) {
        unsigned const here = cpu_.this_cpu().raw();
        for (unsigned turn = 0; turn < 64; ++turn) {
            auto const r = hv::dispatch_hypercall(v, number, args);
            if (r || r.error() != errc::restart) {
                return;
            }
            scribble(v.dom, in);
            pass(1 - here);
            auto* const before = running_[here];
            pass(here);
            if (v.dom.kind != hv::domain_kind::control && running_[here] != before) {
                return; // the guest was sent away, and goes on another time
            }
        }
    }

    void exit(byte_source& in) {
        auto& v = caller(in);
        if (v.dom.kind == hv::domain_kind::control) {
            return;
        }
        auto& c = v.context;
        c.rax = in.take<std::uint32_t>();
        c.rcx = in.take<std::uint32_t>();
        c.rdx = in.take<std::uint32_t>();
        auto const info = in.take<std::uint64_t>();
        hv::exit_action action;
        switch (in.below(7)) {
        case 0: { // the processor names a size of 1, 2 or 4, of the operand and of the address
            constexpr std::uint64_t sizes = 7U << 4 | 7U << 7;
            std::uint64_t const one = info & ~sizes;
            action = hv::handle_io(
                v, x86::decode_svm_ioio(one | 1U << (4 + in.below(3)) | 1U << (7 + in.below(3))));
            break;
        }
        case 1: action = hv::handle_msr<plain_vendor>(v, (info & 1) != 0); break;
        case 2: // the APIC's registers, which 32 random bits would hardly name
            c.rcx = 0x800 | (c.rcx & 0x3f);
            action = hv::handle_msr<plain_vendor>(v, (info & 1) != 0);
            break;
        case 3: action = hv::handle_cpuid(v); break;
        case 4:
            c.rflags = info & x86::rflags::all.raw();
            action = hv::handle_hlt(v);
            break;
        case 5: action = hv::handle_xsetbv(v); break;
        default:
            c.rip = in.take<std::uint16_t>();
            action = hv::handle_nested_fault(
                v, x86::decode_svm_npf(info & ~std::uint64_t{8}, hv::apic_base::address | c.rdx));
        }
        hv::apply_exit<plain_vendor>(v, action);
        if (in.below(8) == 0) {
            c.cr0 = in.take<std::uint32_t>();
            c.cr3 = in.take<std::uint16_t>();
            c.cr4 = in.take<std::uint32_t>();
            c.efer = in.take<std::uint16_t>();
        } else {
            c.cr0 = 0;
        }
    }

    void destroy(std::uint16_t id, unsigned turns) {
        for (unsigned n = 0; n < turns; ++n) {
            auto const d = hv::find_domain(*hv_, domid(id));
            if (!d) {
                return;
            }
            auto const done = hv::destroy_domain(*d);
            if (done || done.error() != errc::restart) {
                return;
            }
            pass(0);
            pass(1);
        }
    }

    void step(byte_source& in) {
        switch (in.below(16)) {
        case 0: {
            cpu_.advance(in.take<std::uint32_t>());
            pass(in.below(cpus));
            return;
        }
        case 1: scribble(caller(in).dom, in); return;
        case 2: destroy(static_cast<std::uint16_t>(1 + in.below(3)), 1 + in.below(4)); return;
        case 3: add_guest(static_cast<std::uint16_t>(1 + in.below(3))); return;
        case 4:
            cpu_.allocations_left = in.below(8);
            hypercall(in);
            cpu_.allocations_left = ~std::uint64_t{0};
            return;
        case 5:
        case 6:
        case 7: exit(in); return;
        case 8: hv_->frames.scrub_some(); return;
        default: hypercall(in); return;
        }
    }

    /// Unmaps what domain 0 has mapped, as the link does for a process that is gone.
    void end_grants() {
        auto& control = *hv_->control;
        for (std::uint32_t h = 0; h < control.grants.track_count; ++h) {
            auto const e = control.grants.track(h);
            if (auto const granter = hv::find_domain(*hv_, e.granter); granter && e.flags != 0) {
                hv::end_control_grant(*control.vcpus[0], h, granter->grants.active(e.ref).frame);
            }
        }
    }

    /// The end of all guests, and of what domain 0 had mapped and bound.
    void end() {
        while (auto const d = hv::find_domain_from(*hv_, 1)) {
            if (d->dying == hv::dying_state::dead) {
                break; // domain 0 has mapped its memory still
            }
            destroy(d->id.raw(), 10000);
        }
        end_grants();
        check();
        for (std::uint16_t id = 1; id < hv::max_domains; ++id) {
            if (hv_->domains[id] != nullptr) {
                fail("domain " + std::to_string(id) + " does not go");
            }
        }
        pass(0);
        pass(1);
        while (hv_->frames.reclaim()) {
        }
        if (hv_->frames.deferred_pages() != 0) {
            fail("frames wait for ever");
        }
    }

    fake_platform cpu_;
    std::unique_ptr<hv::hypervisor<fake_platform>> hv_;
    std::optional<fakes::hv_invariants<fake_platform>> invariants_;
    std::array<vcpu*, cpus> running_{};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    arena a;
    a.run(byte_source({data, size}));
    return 0;
}
