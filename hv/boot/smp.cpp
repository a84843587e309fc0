// SPDX-License-Identifier: Apache-2.0
// INIT, SIPI, and a CPU's way from the trampoline to the run loop.
#include "boot/smp.hpp"

#include "entry/exceptions.hpp"
#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/fpu.hpp"
#include "platform/pv_vcpu.hpp"
#include "platform/virtualization.hpp"

#include <cstring>

extern "C" {
extern std::byte boot_stack[];              // NOLINT: entry.S
extern std::byte const ap_trampoline[];     // NOLINT: entry.S
extern std::byte const ap_trampoline_end[]; // NOLINT: entry.S
extern std::byte const ap_stack_slot[];     // NOLINT: entry.S
[[noreturn]] void ap_main();
}

namespace xenpp::image {

namespace {

bool start_one(std::uint32_t apic_id) noexcept {
    auto& m = machine();
    unsigned const n = cpu_count;
    percpu& there = cpus[n];
    constexpr unsigned stack_order = 4;
    static_assert((page_size << stack_order) == stack_size);
    auto const stack = m.frames.allocate(stack_order, domid_xen, hv::page_use::hypervisor);
    if (!stack) {
        hv::print(m, "CPU with APIC id ", apic_id, ": no memory for its stack");
        return false;
    }
    std::byte* const top = m.platform.map(*stack) + stack_size;
    there.id = cpu_id(n);
    there.apic_id = apic_id;
    adopt_stack(top, there);
    auto const sp = reinterpret_cast<std::uint64_t>(top - 16);
    std::memcpy(
        direct_map(trampoline_base + static_cast<std::uint64_t>(ap_stack_slot - ap_trampoline)),
        &sp, sizeof sp);
    lapic_start_cpu(apic_id, trampoline_base >> 12);
    for (unsigned waited = 0; !atomic_load(there.online) && waited < 20000; ++waited) {
        busy_wait_us(50);
    }
    if (!atomic_load(there.online)) {
        hv::print(m, "CPU with APIC id ", apic_id, " does not start");
        return false;
    }
    return true;
}

} // namespace

/// QEMU's TCG changes flags of its first CPU from the threads of the others, at each of their
/// XRSTORs and without a lock (its cpu_clear_ignne): what the first CPU did to them at that moment
/// is undone, be it that it left a guest and its nested paging. So the first runs no guests there.
percpu& place_boot_cpu(unsigned found) noexcept {
    if (!machine().is_emulated || found < 2) {
        return cpus[0];
    }
    percpu& here = cpus[found - 1];
    here = cpus[0];
    here.id = cpu_id(found - 1);
    here.runs_guests = false;
    cpus[0] = percpu{};
    adopt_stack(boot_stack + stack_size, here);
    exceptions_init_cpu(here);
    cpu_count = 0;
    cpu_limit = found;
    for (unsigned n = 0; n != found - 1; ++n) {
        atomic_store(machine().cpu_epoch[n], ~std::uint64_t{0}); // of one that does not start
    }
    return here;
}

unsigned start_cpus(std::uint32_t const* apic_ids, unsigned count) noexcept {
    std::memcpy(direct_map(trampoline_base), ap_trampoline,
                static_cast<std::size_t>(ap_trampoline_end - ap_trampoline));
    std::uint32_t const self = lapic_id();
    for (unsigned i = 0; i < count && cpu_count < hv::max_cpus; ++i) {
        if (apic_ids[i] != self && start_one(apic_ids[i])) {
            atomic_fetch_add(cpu_count, 1);
        }
    }
    if (cpu_count == 0) {
        panic("no CPU is left for guests");
    }
    cpu_limit = cpu_count > cpu_limit ? cpu_count : cpu_limit;
    return cpu_count;
}

} // namespace xenpp::image

void ap_main() {
    using namespace xenpp;
    using namespace xenpp::image;
    percpu& here = this_percpu();
    exceptions_init_cpu(here);
    lapic_init();
    here.resched = &machine().scheduler.on(here.id).resched;
    here.tlb = &machine().tlb[here.id.raw()];
    fpu_init_cpu(here);
    pv_init_cpu(here);
    if (!virtualization_init_cpu(here)) {
        panic("no memory for hardware virtualization");
    }
    machine().scheduler.on(here.id).online = true;
    atomic_store(machine().cpu_epoch[here.id.raw()], atomic_load(machine().epoch));
    atomic_store(here.online, true);
    run_loop();
}
