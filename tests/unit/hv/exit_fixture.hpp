// SPDX-License-Identifier: Apache-2.0
// A guest on a fake machine whose exits a test hands to the handlers, and a vendor that takes
// notes.
#pragma once

#include <xenpp/hv/exit_apply.hpp>
#include <xenpp/hv/pv/cpuid.hpp>

#include <fakes/fake_cpuid.hpp>
#include <fakes/fake_machine.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace xenpp::fakes {

/// Remembers what it was asked for last; instructions are two bytes long unless told otherwise.
struct noting_vendor {
    static constexpr std::uint8_t call_opcode = 0xd9;

    static bool skip(vcpu& v) noexcept {
        v.context.rip += can_skip ? 2 : 0;
        return can_skip;
    }

    static void inject(vcpu&, hv::exit_action const& a) noexcept { injected = a; }

    static void set_efer(vcpu& v, std::uint64_t x) noexcept { v.context.efer = x; }

    static void set_pat(vcpu&, std::uint64_t x) noexcept { pat = x; }

    inline static bool can_skip = true;
    inline static std::optional<hv::exit_action> injected;
    inline static std::uint64_t pat = 0;
};

/// One guest with two vCPUs in flat 32-bit code without paging; the first is on CPU 0.
struct exit_fixture {
    fake_machine m;
    domain& d;
    vcpu& v;
    vcpu& other;

    exit_fixture() : d(guest()), v(*d.vcpus[0]), other(*d.vcpus[1]) {
        noting_vendor::can_skip = true;
        noting_vendor::injected.reset();
        v.context.code32 = true;
        m.hv->scheduler.on(cpu_id(0)).online = true;
        start(v);
        CHECK(hv::choose(*m.hv, static_cast<vcpu*>(nullptr)) == &v);
    }

    static void start(vcpu& which) {
        which.initialised = true;
        atomic_store(which.pause, 0U);
        hv::vcpu_wake(which);
    }

    /// Puts code at `address` and rip before it.
    void code(std::uint64_t address, std::initializer_list<std::uint8_t> bytes) {
        v.context.rip = address;
        for (auto const b : bytes) {
            *m.memory(d, address++) = std::byte{b};
        }
    }

    bool is_paused(vcpu const& which, std::uint32_t flag) const {
        return (atomic_load(which.pause) & flag) != 0;
    }

private:
    domain& guest() {
        m.hv->host_cpuid = hv::host_cpuid_policy(fake_cpuid);
        m.hv->hvm_cpuid = hv::hvm_cpuid_policy(m.hv->host_cpuid);
        m.hv->pv_cpuid = hv::pv::max_cpuid(m.hv->host_cpuid);
        return m.add_guest(1);
    }
};

/// Whether the action is to raise #GP(0).
inline bool is_fault(hv::exit_action const& a) {
    return a.what == hv::exit_action::kind::inject &&
           a.vector == x86::exception::general_protection && a.has_error_code && a.error_code == 0;
}

} // namespace xenpp::fakes
