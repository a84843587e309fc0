// SPDX-License-Identifier: Apache-2.0
// The Platform of the bootable image: the real machine under the hypervisor's policy.
#pragma once

#include "platform/clock.hpp"
#include "platform/cpu.hpp"
#include "platform/lapic.hpp"
#include "platform/layout.hpp"
#include "platform/percpu.hpp"
#include "platform/pv_access.hpp"
#include "platform/serial.hpp"

#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/platform.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace xenpp::image {

/// See hv::Platform for what each member means. One object; its state is the machine's.
class image_platform {
public:
    std::byte* map(mfn f) noexcept { return direct_map(to_maddr(f).raw()); }

    std::uint64_t now_ns() noexcept { return clock_now_ns(); }

    std::uint64_t tsc() noexcept { return read_tsc(); }

    std::uint64_t tsc_base() noexcept { return clock_tsc_base(); }

    std::uint32_t tsc_khz() noexcept { return clock_khz(); }

    unsigned cpu_count() noexcept { return image::cpu_count; }

    unsigned cpu_limit() noexcept { return image::cpu_limit; }

    cpu_id this_cpu() noexcept { return this_percpu().id; }

    void kick(cpu_id c) noexcept;
    void set_deadline(std::uint64_t ns) noexcept;

    void notify_control() noexcept { doorbell_ring(); }

    void await_control() noexcept { this_percpu().link_served_ns = now_ns(); }

    void console_write(std::string_view text) noexcept;
    std::uint64_t random() noexcept;
    [[noreturn]] void shutdown_machine(bool reboot) noexcept;

    // --- the vendor: platform/virtualization.cpp ---
    mm::second_level second_level() noexcept;
    expected<void, errc> create_vcpu(hv::vcpu<image_platform>& v) noexcept;
    void destroy_vcpu(hv::vcpu<image_platform>& v) noexcept;
    expected<void, errc> load_state(hv::vcpu<image_platform>& v,
                                    abi::hvm_hw_cpu const& state) noexcept;
    abi::hvm_hw_cpu save_state(hv::vcpu<image_platform>& v) noexcept;
    void flush_guest_tlb(hv::vcpu<image_platform>& v) noexcept;
    void load_xcr0(std::uint64_t value) noexcept;
    void load_tsc_aux(std::uint64_t value) noexcept;
    void load_debug_registers(std::array<std::uint64_t, 4> const& dr) noexcept;
    void load_dr6(std::uint64_t value) noexcept;
    std::uint64_t dr6() noexcept;
    void print_exit(hv::vcpu<image_platform>& v) noexcept;

    // --- PV: platform/pv_vcpu.cpp ---
    [[gnu::always_inline]] hv::pv::tlb_cpu* pv_reach(hv::vcpu<image_platform> const& v) noexcept {
        auto& here = this_percpu();
        if (here.pv_loaded != &v) [[unlikely]] {
            return nullptr;
        }
        if (here.tlb == nullptr) { // so that nobody asks again
            __builtin_unreachable();
        }
        return here.tlb;
    }

    static bool
    pv_read(hv::pv::tlb_cpu& here, void* to, std::uint64_t from, std::size_t n) noexcept {
        pv_translations const used(here);
        return pv_copy(to, reinterpret_cast<void const*>(from), n);
    }

    static bool
    pv_write(hv::pv::tlb_cpu& here, std::uint64_t to, void const* from, std::size_t n) noexcept {
        pv_translations const used(here);
        return pv_copy(reinterpret_cast<void*>(to), from, n);
    }

    template <class T>
    [[gnu::always_inline]] static bool
    pv_read_object(hv::pv::tlb_cpu& here, T& to, std::uint64_t from) noexcept {
        pv_translations const used(here);
        return image::pv_read_object<sizeof(T)>(reinterpret_cast<std::byte*>(&to), from);
    }

    template <class... Words>
    [[gnu::always_inline]] static bool
    pv_read_words(hv::pv::tlb_cpu& here, std::uint64_t from, Words&... to) noexcept {
        pv_translations const used(here);
        return image::pv_read_words(from, to...);
    }

    template <class T>
    [[gnu::always_inline]] static bool
    pv_write_object(hv::pv::tlb_cpu& here, std::uint64_t to, T const& from) noexcept {
        pv_translations const used(here);
        return image::pv_write_object<sizeof(T)>(to, reinterpret_cast<std::byte const*>(&from));
    }

    bool pv_clear(hv::pv::tlb_cpu& here, std::uint64_t to, std::size_t n) noexcept;
    void pv_load_root(hv::vcpu<image_platform>& v) noexcept;
    void pv_load_root_copy(hv::vcpu<image_platform>& v) noexcept;
    void pv_write_root_copy(unsigned slot, std::uint64_t entry) noexcept;
    void pv_swap_mode(hv::vcpu<image_platform>& v) noexcept;
    void pv_load_tables(hv::vcpu<image_platform>& v) noexcept;
    void pv_load_controls(hv::vcpu<image_platform>& v) noexcept;
    void pv_load_debug(hv::vcpu<image_platform>& v) noexcept;
    std::uint64_t pv_base(hv::vcpu<image_platform>& v, hv::pv::segment_base b) noexcept;
    void
    pv_set_base(hv::vcpu<image_platform>& v, hv::pv::segment_base b, std::uint64_t value) noexcept;
    void pv_load_user_gs(hv::vcpu<image_platform>& v, std::uint16_t selector) noexcept;
    void flush_local_tlb() noexcept;
    void flush_local_page(std::uint64_t address) noexcept;
};

} // namespace xenpp::image
