// SPDX-License-Identifier: Apache-2.0
// Several PV domains on the CPUs of one machine, and what they call the hypervisor with: led by
// bytes, half right.
#pragma once

#include <fakes/byte_source.hpp>
#include <fakes/hv_invariants.hpp>
#include <fakes/pv_guest.hpp>
#include <fakes/tlb_model.hpp>

#include <array>
#include <cstdlib>
#include <memory>

namespace xenpp::fakes {

class pv_players {
public:
    static constexpr unsigned guests = 3;
    static constexpr unsigned pages = 40;
    static constexpr unsigned second_root = 30; ///< and its tables before it

    pv_players(pv_players const&) = delete;
    pv_players& operator=(pv_players const&) = delete;

    hv_host h{9216};

protected:
    using call = abi::hypercall;

    pv_players() {
        static_cast<void>(h.hv.m2p.prepare(h.hv.frames, h.platform));
        h.hv.cpu_epoch.fill(~std::uint64_t{0});
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            h.hv.cpu_epoch[c] = 0;
        }
        invariants_ = std::make_unique<hv_invariants<fake_platform>>(h.hv);
        for (auto& g : guest_) {
            g = std::make_unique<pv_guest>(h, pages);
            share_root(*g);
        }
        tlb_.load(0, &guest_[0]->v(0));
        tlb_.load(1, &guest_[1]->v(0));
    }

    virtual ~pv_players() {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.load(c, nullptr);
        }
    }

    /// What somebody else does between two turns of a call.
    virtual void interfere(byte_source& in) = 0;

    void share_root(pv_guest& g) {
        g.make_second_root(second_root);
        hv::pv::table_work w(g.d);
        hv::pv::set_kernel_root(w, g.v(1), g.frames[g.page_of_root()]).value();
    }

    /// Mostly the first, so that both CPUs run vCPUs of one domain.
    pv_guest& any(byte_source& in) {
        auto const n = in.below(8);
        return *guest_[n < guests ? n : 0];
    }

    /// The CPUs' guests use an address that is about to change its meaning.
    void use(byte_source& in, std::uint64_t address) {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            tlb_.touch(c, address, in.one_in(4));
        }
    }

    unsigned page(byte_source& in, pv_guest const& g) {
        auto const n = in.below(32);
        return n < 26 ? 2 + n % 14 : n < 31 ? g.page_of_l1() + n % 4 : n % pages;
    }

    mfn frame(byte_source& in, pv_guest& g) {
        switch (in.below(24)) {
        case 0: return g.d.shared_info_frame;
        case 1: return g.d.grants.frame[0];
        case 2: return h.hv.m2p.chunk(0);
        case 3: return any(in).frames[2 + in.below(8)];
        case 4: return hv_host::window_frame;
        case 5: return mfn(in.take<std::uint32_t>());
        default: return g.frames[page(in, g)];
        }
    }

    static std::uint64_t flags(byte_source& in) {
        static constexpr std::array<std::uint64_t, 8> odd{
            0x80, 0x100, 0x18, 1ULL << 52, 1ULL << 62, 1ULL << 63, 0xe00, 1ULL << 51};
        auto const n = in.take<std::uint8_t>();
        auto const common = (n & 3) == 0   ? std::uint64_t{0}
                            : (n & 3) == 1 ? pv_guest::ro
                                           : pv_guest::rw;
        return n < 224 ? common : common | odd[n & 7];
    }

    std::uint64_t value(byte_source& in, pv_guest& g) {
        return to_maddr(frame(in, g)).raw() | flags(in);
    }

    static unsigned index(byte_source& in) {
        static constexpr std::array<unsigned, 12> some{0,   1,   2,   255, 256, 257,
                                                       271, 272, 273, 274, 511, 300};
        auto const n = in.take<std::uint8_t>();
        return n < 128 ? n % pages : some[n % some.size()];
    }

    std::uint64_t va(byte_source& in) {
        auto const n = in.take<std::uint8_t>();
        auto const in_page = pv_guest::base + (n % pages) * page_size;
        return n < 192   ? in_page
               : n < 240 ? in_page + ((1U + n % 2) << 21)
               : n < 244 ? in_page + (std::uint64_t{1} << 30)
               : n < 248 ? hv::pv::m2p_base + n * page_size
               : n < 252 ? n * page_size
                         : in.take<std::uint64_t>();
    }

    /// A hypercall of a guest's, or of the control domain for it. `arg[at]` is where `args`
    /// lie.
    long make(byte_source& in,
              pv_guest& g,
              call number,
              std::array<std::uint64_t, 6> arg,
              void const* structure,
              std::size_t size,
              bool by_control = false,
              unsigned wanted_cpu = tlb_model::cpus) {
        auto const cpu = wanted_cpu != tlb_model::cpus ? wanted_cpu : in.below(tlb_model::cpus);
        auto const args = size != 0;
        if (by_control) {
            if (args) {
                arg[0] = hv_host::scratch;
                std::memcpy(h.at(arg[0]), structure, size);
            }
            return dispatch(in, h.control(), number, arg);
        }
        auto& v = g.v(cpu);
        if (v.running && tlb_.on(cpu) != &v) {
            run_elsewhere(v);
        }
        tlb_.load(cpu, &v);
        h.platform.run_on(cpu_id(cpu));
        hv::pv::leave_guest(h.hv);
        if (args) {
            arg[0] = pv_guest::address(pv_guest::arguments);
            if (!copy_to_guest(v, arg[0], structure, size)) {
                tlb_.enter(cpu);
                return 1;
            }
        }
        auto const r = dispatch(in, v, number, arg);
        tlb_.enter(cpu);
        return r;
    }

    void run_elsewhere(pv_guest::vcpu& v) {
        for (unsigned c = 0; c != tlb_model::cpus; ++c) {
            if (tlb_.on(c) == &v) {
                tlb_.load(c, nullptr);
            }
        }
    }

    /// Turns of a call; now and then somebody else's comes in between, or it is given up.
    long
    dispatch(byte_source& in, pv_guest::vcpu& v, call number, std::array<std::uint64_t, 6> arg) {
        hv::hypercall_args a{arg};
        auto const here = h.platform.this_cpu();
        for (unsigned turn = 0; turn != 20000; ++turn) {
            h.platform.run_on(here);
            auto const r = hv::dispatch_hypercall(v, static_cast<unsigned>(number), a);
            if (r || r.error() != errc::restart) {
                return r ? static_cast<long>(*r) : to_abi(r.error());
            }
            if (depth_ == 0 && in.one_in(16)) {
                ++depth_;
                interfere(in);
                --depth_;
            }
            if (in.one_in(32)) {
                return -1; // the guest has changed its mind
            }
        }
        std::abort(); // it would go on for ever
    }

    std::unique_ptr<hv_invariants<fake_platform>> invariants_;
    std::array<std::unique_ptr<pv_guest>, guests> guest_;
    tlb_model tlb_{h};
    unsigned depth_ = 0; ///< of what happens between turns
};

} // namespace xenpp::fakes
