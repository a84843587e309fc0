// SPDX-License-Identifier: Apache-2.0
// The machine's services that are more than one line.
#include "platform/image_platform.hpp"

#include "machine.hpp"
#include "platform/cpu.hpp"

namespace xenpp::image {

void image_platform::kick(cpu_id c) noexcept {
    percpu& there = cpus[c.raw() % hv::max_cpus];
    // One interrupt is enough until it is noticed, and none for who looks anyway.
    if ((atomic_fetch_or(there.work, work_kick) & work_kick) == 0 &&
        !atomic_load(there.is_looking)) {
        lapic_send(there.apic_id, vector_kick);
    }
}

void image_platform::set_deadline(std::uint64_t ns) noexcept {
    percpu& here = this_percpu();
    if (here.link_deadline_ns != 0 && (ns == 0 || ns > here.link_deadline_ns)) {
        ns = here.link_deadline_ns;
    }
    if (here.deadline_ns != ns) {
        here.deadline_ns = ns;
        clock_arm(ns);
    }
}

void image_platform::console_write(std::string_view text) noexcept {
    static spinlock one_at_a_time;
    lock_guard const hold(one_at_a_time);
    serial_write(text);
}

std::uint64_t image_platform::random() noexcept {
    static std::uint64_t state = 0;
    std::uint64_t x = atomic_fetch_add(state, 0x9e3779b97f4a7c15) + read_tsc();
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9; // splitmix64
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

void image_platform::shutdown_machine(bool reboot) noexcept {
    hv::print(machine(), reboot ? "Rebooting the machine" : "Powering the machine off");
    if (reboot) {
        outb(0xcf9, 0x06);
        outb(0x64, 0xfe);
    } else {
        outw(0x604, 0x2000); // ACPI PM1a of QEMU's q35 and pc
        for (char const c : std::string_view("Shutdown")) {
            outb(0x8900, static_cast<std::uint8_t>(c)); // Bochs
        }
    }
    halt_forever();
}

} // namespace xenpp::image
