// SPDX-License-Identifier: Apache-2.0
// The local APIC of a vCPU: registers and the interrupts that wait in it. No timing, no CPUs.
#pragma once

#include <xenpp/base/atomic.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

#include <array>
#include <bit>
#include <cstdint>

namespace xenpp::hv {

/// Register numbers, as x2APIC MSR number minus 0x800 (SDM 3, table 10-6; xAPIC offset >> 4).
namespace apic_reg {
inline constexpr unsigned id = 0x02, version = 0x03, tpr = 0x08, apr = 0x09, ppr = 0x0a, eoi = 0x0b,
                          ldr = 0x0d, dfr = 0x0e, svr = 0x0f, isr = 0x10, tmr = 0x18, irr = 0x20,
                          esr = 0x28, lvt_cmci = 0x2f, icr = 0x30, icr_high = 0x31,
                          lvt_timer = 0x32, lvt_thermal = 0x33, lvt_performance = 0x34,
                          lvt_lint0 = 0x35, lvt_lint1 = 0x36, lvt_error = 0x37,
                          timer_initial = 0x38, timer_current = 0x39, timer_divide = 0x3e,
                          self_ipi = 0x3f, count = 0x40;
} // namespace apic_reg

/// APIC_BASE MSR bits (SDM 3, 10.4.4 and 10.12.1).
namespace apic_base {
inline constexpr std::uint64_t address = 0xfee00000, boot_cpu = 1U << 8, x2apic = 1U << 10,
                               enabled = 1U << 11;
} // namespace apic_base

/// 256 interrupt vectors, changed atomically: other CPUs post into it.
class vector_set {
public:
    void set(unsigned v) noexcept {
        atomic_fetch_or(word_[(v >> 6) & 3], std::uint64_t{1} << (v & 63));
    }

    void clear(unsigned v) noexcept {
        atomic_fetch_and(word_[(v >> 6) & 3], ~(std::uint64_t{1} << (v & 63)));
    }

    bool test(unsigned v) const noexcept {
        return ((atomic_load(word_[(v >> 6) & 3]) >> (v & 63)) & 1) != 0;
    }

    /// The highest vector in the set, or -1.
    int highest() const noexcept {
        for (unsigned i = 4; i-- > 0;) {
            if (std::uint64_t const w = atomic_load(word_[i], order::relaxed); w != 0) {
                return static_cast<int>(i * 64 + 63) - std::countl_zero(w);
            }
        }
        return -1;
    }

    bool is_empty() const noexcept {
        std::uint64_t all = 0;
        for (auto const& w : word_) {
            all |= atomic_load(w, order::relaxed);
        }
        return all == 0;
    }

    /// The 32 vectors from 32 * n, as the APIC's register shows them.
    std::uint32_t window(unsigned n) const noexcept {
        return static_cast<std::uint32_t>(atomic_load(word_[(n >> 1) & 3]) >> ((n & 1) * 32));
    }

    /// The 64 vectors from 64 * n: taken out, and put in.
    std::uint64_t take(unsigned n) noexcept { return atomic_exchange(word_[n & 3], 0); }

    void add(unsigned n, std::uint64_t vectors) noexcept { atomic_fetch_or(word_[n & 3], vectors); }

    void reset() noexcept {
        for (auto& w : word_) {
            atomic_store(w, 0);
        }
    }

private:
    std::array<std::uint64_t, 4> word_{};
};

/// What writing a register asks of the world outside the APIC.
struct vlapic_effect {
    enum class kind : std::uint8_t {
        none,
        eoi,     ///< an interrupt ended; more may be deliverable
        ipi,     ///< the interrupt command in `icr` is to be carried out
        timer,   ///< the timer's set-up changed
        recheck, ///< the task priority may have fallen
        enabled, ///< the APIC was switched on by software and listens from now on
    };
    kind what = kind::none;
    std::uint64_t icr = 0;
};

/// One local APIC. The owner vCPU alone changes the registers; anyone may `post` a vector.
class vlapic {
public:
    static constexpr std::uint32_t version_word = 0x50014; ///< as Xen: 6 LVT entries, version 0x14

    void reset(std::uint32_t apic_id, bool boot_cpu) noexcept {
        id_ = apic_id;
        base_ = apic_base::address | apic_base::enabled | (boot_cpu ? apic_base::boot_cpu : 0);
        reset_registers();
    }

    /// INIT: all registers but the id and the base (SDM 3, 10.4.7.3).
    void reset_registers() noexcept {
        register_.fill(0);
        register_[apic_reg::svr] = 0xff;
        register_[apic_reg::dfr] = 0xffffffff;
        for (unsigned r = apic_reg::lvt_timer; r <= apic_reg::lvt_error; ++r) {
            register_[r] = lvt_masked;
        }
        icr_ = 0;
        forget_interrupts();
    }

    std::uint32_t id() const noexcept { return id_; }

    std::uint64_t base() const noexcept { return base_; }

    bool hardware_enabled() const noexcept { return (base_ & apic_base::enabled) != 0; }

    bool is_x2apic() const noexcept { return (base_ & apic_base::x2apic) != 0; }

    bool software_enabled() const noexcept {
        return hardware_enabled() && (register_[apic_reg::svr] & svr_enable) != 0;
    }

    /// WRMSR APIC_BASE: the address may not move, x2APIC needs the APIC enabled, and leaving
    /// x2APIC mode needs a disabled APIC first (SDM 3, 10.12.5). inval: #GP.
    expected<void, errc> set_base(std::uint64_t v) noexcept {
        std::uint64_t const modes = apic_base::enabled | apic_base::x2apic;
        bool const to_x2apic = (v & apic_base::x2apic) != 0;
        bool const to_enabled = (v & apic_base::enabled) != 0;
        if ((v & ~(modes | apic_base::boot_cpu)) != apic_base::address ||
            (to_x2apic && !to_enabled) || (is_x2apic() && to_enabled && !to_x2apic) ||
            (to_x2apic && !hardware_enabled())) {
            return unexpected(errc::inval);
        }
        if (!to_enabled && hardware_enabled()) {
            reset_registers();
        }
        base_ = (base_ & apic_base::boot_cpu) | apic_base::address | (v & modes);
        return {};
    }

    /// Marks `vector` as requested. False where the APIC is disabled and hears nothing (SDM 3,
    /// 10.4.7.2).
    bool post(unsigned vector) noexcept {
        if (vector < 16 || !software_enabled()) {
            return false;
        }
        pending_.set(vector);
        return true;
    }

    /// The vector to deliver now, or -1: above the one in service and the task priority.
    int deliverable() const noexcept {
        int const v = pending_.highest();
        if (v < 0 || static_cast<unsigned>(v >> 4) <= processor_priority() >> 4 ||
            !software_enabled()) {
            return -1;
        }
        return v;
    }

    bool has_pending() const noexcept { return pending_.highest() >= 0; }

    /// The processor takes `vector`.
    void acknowledge(unsigned vector) noexcept {
        pending_.clear(vector);
        in_service_.set(vector);
    }

    // --- for a processor that delivers interrupts by itself, and has them while it runs the guest
    // ---

    /// Whether nothing waits and nothing is in service.
    bool is_idle() const noexcept { return pending_.is_empty() && in_service_.is_empty(); }

    struct vectors {
        std::uint64_t waiting = 0, in_service = 0;
    };

    /// The 64 vectors from 64 * n: taken out, and put back as the processor left them.
    vectors take(unsigned n) noexcept { return {pending_.take(n), in_service_.take(n)}; }

    void put_back(unsigned n, vectors const& v) noexcept {
        pending_.add(n, v.waiting);
        in_service_.add(n, v.in_service);
    }

    /// Nothing waits any more and nothing is in service.
    void forget_interrupts() noexcept {
        pending_.reset();
        in_service_.reset();
    }

    std::uint32_t task_priority() const noexcept { return register_[apic_reg::tpr]; }

    void set_task_priority(std::uint32_t v) noexcept { register_[apic_reg::tpr] = v & 0xff; }

    /// Reads register `r`; inval for one that does not exist (#GP in x2APIC mode, 0 in xAPIC mode).
    /// The running count of the timer is the owner's to add.
    expected<std::uint64_t, errc> read(unsigned r) const noexcept {
        if (r >= apic_reg::isr && r < apic_reg::isr + 8) {
            return std::uint64_t{in_service_.window(r - apic_reg::isr)};
        }
        if (r >= apic_reg::tmr && r < apic_reg::tmr + 8) {
            return std::uint64_t{0};
        }
        if (r >= apic_reg::irr && r < apic_reg::irr + 8) {
            return std::uint64_t{pending_.window(r - apic_reg::irr)};
        }
        switch (r) {
        case apic_reg::id: return std::uint64_t{is_x2apic() ? id_ : id_ << 24};
        case apic_reg::version: return std::uint64_t{version_word};
        case apic_reg::ppr: return std::uint64_t{processor_priority()};
        case apic_reg::ldr: return std::uint64_t{logical_id()};
        case apic_reg::icr: return is_x2apic() ? icr_ : icr_ & 0xffffffff;
        case apic_reg::icr_high:
        case apic_reg::dfr:
        case apic_reg::apr:
            if (is_x2apic()) {
                return unexpected(errc::inval);
            }
            return std::uint64_t{r == apic_reg::icr_high ? icr_ >> 32 : register_[r]};
        case apic_reg::tpr:
        case apic_reg::svr:
        case apic_reg::esr:
        case apic_reg::lvt_timer:
        case apic_reg::lvt_thermal:
        case apic_reg::lvt_performance:
        case apic_reg::lvt_lint0:
        case apic_reg::lvt_lint1:
        case apic_reg::lvt_error:
        case apic_reg::timer_initial:
        case apic_reg::timer_current:
        case apic_reg::timer_divide: return std::uint64_t{register_[r]};
        default: return unexpected(errc::inval);
        }
    }

    /// Writes register `r` and says what follows from it; inval: as for `read`, or reserved bits.
    expected<vlapic_effect, errc> write(unsigned r, std::uint64_t v) noexcept {
        using enum vlapic_effect::kind;
        if (is_x2apic() && r != apic_reg::icr && (v >> 32) != 0) {
            return unexpected(errc::inval);
        }
        auto const low = static_cast<std::uint32_t>(v);
        switch (r) {
        case apic_reg::tpr: register_[r] = low & 0xff; return vlapic_effect{recheck};
        case apic_reg::eoi:
            if (int const ended = in_service_.highest(); ended >= 0) {
                in_service_.clear(static_cast<unsigned>(ended));
            }
            return vlapic_effect{eoi};
        case apic_reg::svr: return write_spurious(low);
        case apic_reg::esr:
            if (is_x2apic() && v != 0) {
                return unexpected(errc::inval);
            }
            register_[r] = 0;
            return vlapic_effect{none};
        case apic_reg::icr:
            icr_ = is_x2apic() ? v : (icr_ & ~std::uint64_t{0xffffffff}) | low;
            icr_ &= ~std::uint64_t{icr_busy};
            return vlapic_effect{ipi, icr_};
        case apic_reg::self_ipi:
            if (!is_x2apic()) {
                return unexpected(errc::inval);
            }
            return vlapic_effect{ipi, (low & 0xff) | (std::uint64_t{1} << 18)};
        case apic_reg::lvt_timer:
        case apic_reg::lvt_thermal:
        case apic_reg::lvt_performance:
        case apic_reg::lvt_lint0:
        case apic_reg::lvt_lint1:
        case apic_reg::lvt_error:
            register_[r] = (low & 0x7f7ff) | (software_enabled() ? 0 : lvt_masked);
            return vlapic_effect{r == apic_reg::lvt_timer ? timer : none};
        case apic_reg::timer_initial: register_[r] = low; return vlapic_effect{timer};
        case apic_reg::timer_divide: register_[r] = low & 0xb; return vlapic_effect{timer};
        case apic_reg::id:
        case apic_reg::ldr:
        case apic_reg::dfr:
        case apic_reg::icr_high: return write_xapic_only(r, low);
        default: return unexpected(errc::inval);
        }
    }

    /// Whether an interrupt command with these fields means this APIC (SDM 3, 10.6.2).
    bool matches(std::uint32_t destination, bool logical, bool sender_is_x2apic) const noexcept {
        if (destination == (sender_is_x2apic ? 0xffffffffU : 0xffU)) {
            return true;
        }
        if (!logical) {
            return destination == (sender_is_x2apic ? id_ : id_ & 0xff);
        }
        std::uint32_t const mine = logical_id();
        if (is_x2apic()) {
            return (destination >> 16) == (mine >> 16) && (destination & mine & 0xffff) != 0;
        }
        if (register_[apic_reg::dfr] >> 28 == 0xf) { // flat model
            return (destination & (mine >> 24)) != 0;
        }
        return (destination >> 4) == (mine >> 28) && (destination & (mine >> 24) & 0xf) != 0;
    }

    // --- the timer's set-up, for the owner ---
    std::uint32_t timer_vector_entry() const noexcept { return register_[apic_reg::lvt_timer]; }

    std::uint32_t timer_initial() const noexcept { return register_[apic_reg::timer_initial]; }

    /// The timer ticks every `2^shift` periods of the 100 MHz bus clock (SDM 3, 10.5.4).
    unsigned timer_divide_shift() const noexcept {
        std::uint32_t const d = register_[apic_reg::timer_divide];
        return ((d & 3) | ((d >> 1) & 4)) == 7 ? 0 : ((d & 3) | ((d >> 1) & 4)) + 1;
    }

    static constexpr std::uint32_t lvt_masked = 1U << 16;
    static constexpr std::uint32_t lvt_periodic = 1U << 17;
    static constexpr std::uint32_t svr_enable = 1U << 8;
    static constexpr std::uint32_t icr_busy = 1U << 12;

    // --- for saving and loading (abi::hvm_hw_lapic, hvm_hw_lapic_regs) ---
    std::uint32_t raw(unsigned r) const noexcept { return register_[r % apic_reg::count]; }

    void load_base(std::uint64_t v) noexcept {
        base_ = apic_base::address |
                (v & (apic_base::enabled | apic_base::x2apic | apic_base::boot_cpu));
    }

    void load_raw(unsigned r, std::uint32_t v) noexcept { register_[r % apic_reg::count] = v; }

private:
    std::uint32_t logical_id() const noexcept {
        return is_x2apic() ? ((id_ & ~std::uint32_t{15}) << 12) | (1U << (id_ & 15))
                           : register_[apic_reg::ldr];
    }

    std::uint32_t processor_priority() const noexcept {
        std::uint32_t const tpr = register_[apic_reg::tpr];
        int const in_service = in_service_.highest();
        std::uint32_t const isr = in_service < 0 ? 0 : static_cast<std::uint32_t>(in_service);
        return (tpr >> 4) >= (isr >> 4) ? tpr : isr & 0xf0;
    }

    vlapic_effect write_spurious(std::uint32_t v) noexcept {
        bool const was_enabled = software_enabled();
        register_[apic_reg::svr] = v & 0x1ff;
        if (!software_enabled()) {
            for (unsigned l = apic_reg::lvt_timer; l <= apic_reg::lvt_error; ++l) {
                register_[l] |= lvt_masked;
            }
        }
        using enum vlapic_effect::kind;
        return vlapic_effect{software_enabled() && !was_enabled ? enabled : none};
    }

    expected<vlapic_effect, errc> write_xapic_only(unsigned r, std::uint32_t v) noexcept {
        if (is_x2apic()) {
            return unexpected(errc::inval);
        }
        switch (r) {
        case apic_reg::ldr: register_[r] = v & 0xff000000; break;
        case apic_reg::dfr: register_[r] = v | 0x0fffffff; break;
        case apic_reg::icr_high:
            icr_ = (icr_ & 0xffffffff) | (std::uint64_t{v & 0xff000000} << 32);
            break;
        default: break; // the id cannot be changed
        }
        return vlapic_effect{};
    }

    std::uint32_t id_ = 0;
    std::uint64_t base_ = apic_base::address | apic_base::enabled;
    std::uint64_t icr_ = 0;
    std::array<std::uint32_t, apic_reg::count> register_{};
    vector_set pending_;    ///< IRR
    vector_set in_service_; ///< ISR
};

} // namespace xenpp::hv
