// SPDX-License-Identifier: Apache-2.0
// APIC programming (SDM3 10; 82093AA data sheet for the I/O APIC).
#include "platform/lapic.hpp"

#include "platform/clock.hpp"
#include "platform/cpu.hpp"
#include "platform/layout.hpp"

#include <xenpp/base/atomic.hpp>

namespace xenpp::image {

namespace {

constexpr std::uint64_t lapic_address = 0xfee00000;
constexpr std::uint64_t ioapic_address = 0xfec00000;

// Register numbers as x2APIC MSR - 0x800; the MMIO offset is sixteen times that.
enum class reg : std::uint32_t {
    id = 0x02,
    tpr = 0x08,
    eoi = 0x0b,
    svr = 0x0f,
    icr = 0x30,
    icr_high = 0x31,
    lvt_timer = 0x32,
    lint0 = 0x35,
    lint1 = 0x36,
    timer_initial = 0x38,
    timer_current = 0x39,
    timer_divide = 0x3e,
};

bool x2apic = false;

std::uint32_t volatile* mmio(reg r) noexcept {
    return direct_map<volatile std::uint32_t>(lapic_address + 16 * static_cast<std::uint64_t>(r));
}

x86::msr x2(reg r) noexcept {
    return static_cast<x86::msr>(0x800 + static_cast<std::uint32_t>(r));
}

void write(reg r, std::uint32_t v) noexcept {
    if (x2apic) {
        write_msr(x2(r), v);
    } else {
        *mmio(r) = v;
    }
}

std::uint32_t read(reg r) noexcept {
    return x2apic ? static_cast<std::uint32_t>(read_msr(x2(r))) : *mmio(r);
}

void command(std::uint32_t apic_id, std::uint32_t low) noexcept {
    if (x2apic) {
        full_barrier(); // the x2APIC's MSR write is not ordered after stores
        write_msr(x2(reg::icr), (std::uint64_t{apic_id} << 32) | low);
        return;
    }
    while ((*mmio(reg::icr) & (1U << 12)) != 0) { // delivery pending
        cpu_relax();
    }
    *mmio(reg::icr_high) = apic_id << 24;
    *mmio(reg::icr) = low;
}

} // namespace

void lapic_init() noexcept {
    bool const offered = (cpuid(1).c & (1U << 21)) != 0;
    std::uint64_t base = read_msr(x86::msr::ia32_apic_base) | (1U << 11);
    write_msr(x86::msr::ia32_apic_base, base);
    if (offered) {
        write_msr(x86::msr::ia32_apic_base, base | (1U << 10));
        x2apic = true;
    }
    write(reg::svr, 0x100 | vector_spurious);
    write(reg::tpr, 0);
    write(reg::lint0, 1U << 16);
    write(reg::lint1, 4U << 8);    // NMI
    write(reg::timer_divide, 0xb); // by one
    write(reg::lvt_timer, vector_timer);
}

std::uint32_t lapic_id() noexcept {
    return x2apic ? read(reg::id) : read(reg::id) >> 24;
}

void lapic_eoi() noexcept {
    write(reg::eoi, 0);
}

void lapic_send(std::uint32_t apic_id, std::uint8_t vector) noexcept {
    command(apic_id, (1U << 14) | vector);
}

void lapic_start_cpu(std::uint32_t apic_id, std::uint8_t page) noexcept {
    command(apic_id, (1U << 15) | (1U << 14) | (5U << 8)); // INIT, level, assert
    busy_wait_us(200);
    for (int i = 0; i < 2; ++i) {
        command(apic_id, (1U << 14) | (6U << 8) | page);
        busy_wait_us(50);
    }
}

void lapic_timer(std::uint32_t ticks) noexcept {
    write(reg::timer_initial, ticks);
}

std::uint32_t lapic_timer_now() noexcept {
    return read(reg::timer_current);
}

void pic_disable() noexcept {
    outb(0x20, 0x11); // initialise both, vectors out of the exceptions' way, then mask all
    outb(0xa0, 0x11);
    outb(0x21, 0x20);
    outb(0xa1, 0x28);
    outb(0x21, 4);
    outb(0xa1, 2);
    outb(0x21, 1);
    outb(0xa1, 1);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void ioapic_route(unsigned gsi, std::uint8_t vector, std::uint32_t apic_id) noexcept {
    auto* const select = direct_map<volatile std::uint32_t>(ioapic_address);
    auto* const window = direct_map<volatile std::uint32_t>(ioapic_address + 0x10);
    *select = 0x10 + 2 * gsi + 1;
    *window = apic_id << 24;
    *select = 0x10 + 2 * gsi;
    *window = vector;
}

} // namespace xenpp::image
