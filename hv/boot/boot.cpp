// SPDX-License-Identifier: Apache-2.0
// The boot CPU's way: memory, clock, console, domain 0, the other CPUs, the run loop.
#include "boot/boot_info.hpp"
#include "boot/direct_map.hpp"
#include "boot/first_domains.hpp"
#include "boot/smp.hpp"
#include "entry/exceptions.hpp"
#include "machine.hpp"
#include "platform/cpu.hpp"
#include "platform/fpu.hpp"
#include "platform/pv_vcpu.hpp"
#include "platform/virtualization.hpp"

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/pv/cpuid.hpp>
#include <xenpp/link/layout.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <tuple>

extern "C" {
extern std::byte boot_stack[];        // NOLINT: entry.S
extern std::uint64_t boot_pml4[512];  // NOLINT: entry.S
extern std::byte const image_start[]; // NOLINT: link.ld
extern std::byte const image_end[];   // NOLINT: link.ld
[[noreturn]] void boot_main(std::uint32_t information, std::uint32_t is_multiboot2);
}

namespace xenpp::image {

std::array<percpu, hv::max_cpus> cpus;
unsigned cpu_count = 1;
unsigned cpu_limit = 1;
machine_storage the_machine;

namespace {

platform the_platform;
alignas(hv::link_service<platform>) std::byte link_storage[sizeof(hv::link_service<platform>)];
bool has_link = false;

link::link_header& header() noexcept {
    return *direct_map<link::link_header>(link::window_machine_base.raw());
}

bool header_is_valid() noexcept {
    return header().magic == link::magic && header().version == link::version &&
           header().window_size == link::window_size;
}

/// Gives the allocator what of RAM is free, and `taken` is what is not, in order of address.
void add_memory(boot_info const& info, std::span<memory_range const> taken) noexcept {
    auto& m = machine();
    bool const known_zero = option(info.command_line, "ram") == "zero";
    for (unsigned i = 0; i < info.ram_count; ++i) {
        std::uint64_t at = info.ram[i].base;
        std::uint64_t const end = at + info.ram[i].size;
        while (at < end) {
            // The next stretch up to a range that is taken.
            std::uint64_t stop = end;
            std::uint64_t resume = end;
            for (auto const& t : taken) {
                if (at < t.base + t.size && t.base < stop) {
                    stop = std::max(at, t.base);
                    resume = t.base + t.size;
                    break;
                }
            }
            if (stop > at) {
                (void)!m.frames.add(to_mfn(maddr(at)), (stop - at) >> page_shift, known_zero);
            }
            at = resume < end ? resume : end;
        }
    }
}

/// What of RAM is taken: the first MiB (trampoline, firmware), the image, the window, and what the
/// loader left.
void add_memory(boot_info const& info) noexcept {
    std::array<memory_range, 4 + std::tuple_size_v<decltype(info.modules)>> taken{};
    unsigned n = 0;
    std::uint64_t const image = image_physical(image_start);
    taken[n++] = {0, 1U << 20};
    taken[n++] = {image, ((image_physical(image_end) + page_size - 1) & page_mask) - image};
    if (has_link) {
        taken[n++] = {link::window_machine_base.raw(), link::window_size};
    }
    if (info.information.size != 0) {
        taken[n++] = info.information;
    }
    for (unsigned i = 0; i < info.module_count; ++i) {
        taken[n++] = info.modules[i].bytes;
    }
    std::sort(taken.begin(), taken.begin() + n,
              [](auto const& a, auto const& b) { return a.base < b.base; });
    add_memory(info, std::span(taken.data(), n));
}

void print_banner(boot_info const& info) noexcept {
    auto& m = machine();
    hv::print(m, "xenpp " XENPP_VERSION ", answering as Xen 4.17");
    hv::print(m, "Command line: ", info.command_line);
    std::uint64_t pages = 0;
    for (unsigned i = 0; i < info.ram_count; ++i) {
        pages += info.ram[i].size >> page_shift;
    }
    hv::print(m, "System RAM: ", pages / 256, "MB (", pages * 4, "kB)");
}

void keep_command_line(std::string_view text) noexcept {
    auto& to = machine().command_line;
    auto const n = std::min(text.size(), to.size() - 1);
    std::copy_n(text.begin(), n, to.begin());
    to[n] = '\0';
}

/// sched=: the scheduler of pool 0.
void choose_scheduler(std::string_view name) noexcept {
    auto& pool = machine().scheduler.pools[0];
    if (name == "null") {
        pool.sched_id = abi::scheduler_null;
    } else if (!name.empty() && name != "credit2") {
        hv::print(machine(), "sched=", name, ": there are credit2 and null; using credit2");
    }
    hv::print(machine(), "Using scheduler: ", pool.is_null() ? "null" : "credit2");
}

/// The TSC's rate from whoever started the machine, if it comes within a second; else measured.
std::uint32_t known_tsc_khz() noexcept {
    if (!has_link) {
        return 0;
    }
    std::uint64_t const start = read_tsc();
    while (atomic_load(header().tsc_khz) == 0 && read_tsc() - start < 3'000'000'000) {
        cpu_relax();
    }
    return atomic_load(header().tsc_khz);
}

/// The window's frames were never the allocator's: they are domain 0's from the start.
hv::control_window adopt_window() noexcept {
    auto const first = to_mfn(link::window_machine_base);
    for (std::uint64_t i = 0; i < link::window_size >> page_shift; ++i) {
        auto* const page = machine().frames.find(first + i);
        if (page == nullptr) {
            panic("the control window lies outside of RAM");
        }
        *page = hv::page_info{.count = 1, .owner = dom0, .use = hv::page_use::guest};
    }
    return {link::window_virtual_base, link::window_machine_base, link::window_size};
}

/// Without a control process: a window that nobody looks into, with domain 0's shared info.
hv::control_window make_window() noexcept {
    auto const first = machine().frames.allocate(1, dom0, hv::page_use::guest);
    if (!first) {
        panic("no memory for domain 0");
    }
    return {link::window_virtual_base, to_maddr(*first), 2 * page_size};
}

void read_processor() noexcept {
    auto& m = machine();
    m.is_emulated = hv::is_tcg(cpuid(x86::cpuid::leaf_hypervisor, 0));
    m.host_cpuid = hv::host_cpuid_policy(
        [](std::uint32_t leaf, std::uint32_t sub) { return cpuid(leaf, sub); });
    m.hvm_cpuid = hv::hvm_cpuid_policy(m.host_cpuid);
    m.pv_cpuid = hv::pv::max_cpuid(m.host_cpuid);
}

void start_control_domain() noexcept {
    auto& m = machine();
    auto const window = has_link ? adopt_window() : make_window();
    static_assert(link::shared_info_offset == page_size);
    if (!hv::create_control_domain(m, window, link::shared_info_offset)) {
        panic("domain 0 cannot be created");
    }
    if (has_link) {
        m.wall_clock_base_ns = header().wall_clock_ns;
        m.link = new (link_storage) hv::link_service<platform>(m);
        ioapic_route(3, vector_doorbell, this_percpu().apic_id);
        doorbell_drain();
        atomic_store(header().state, static_cast<std::uint32_t>(link::hv_state::up));
        doorbell_ring();
        hv::print(m, "Domain 0 is outside: the machine link is up");
    }
}

} // namespace

bool serve_link() noexcept {
    constexpr unsigned budget = 32;
    return machine().link != nullptr && machine().link->pump(budget);
}

} // namespace xenpp::image

void boot_main(std::uint32_t information, std::uint32_t is_multiboot2) {
    using namespace xenpp;
    using namespace xenpp::image;
    adopt_stack(boot_stack + stack_size, cpus[0]);
    cpus[0].online = true;
    exceptions_init();
    exceptions_init_cpu(cpus[0]);
    fpu_init();
    direct_map_init();
    serial_init();
    new (the_machine.bytes) hypervisor(the_platform);
    boot_info info;
    if (!(is_multiboot2 != 0 ? read_multiboot2(information, info) : read_pvh(information, info))) {
        panic("the boot loader left no information that can be read");
    }
    has_link = header_is_valid();
    if (has_link) {
        atomic_store(header().state, static_cast<std::uint32_t>(link::hv_state::booting));
    }
    keep_command_line(info.command_line);
    machine().guest_console = option(info.command_line, "guest_loglvl") == "all";
    print_banner(info);
    choose_scheduler(option(info.command_line, "sched"));
    std::uint64_t end = 0;
    for (unsigned i = 0; i < info.ram_count; ++i) {
        end = std::max(end, info.ram[i].base + info.ram[i].size);
    }
    if (!direct_map_extend(end)) {
        panic("more memory than can be mapped");
    }
    add_memory(info);
    pic_disable();
    lapic_init();
    read_processor();
    std::array<std::uint32_t, hv::max_cpus> ids{};
    unsigned const found = read_apic_ids(info.rsdp, ids.data(), ids.size());
    percpu& here = place_boot_cpu(found);
    here.apic_id = lapic_id();
    clock_init(known_tsc_khz());
    clock_measure_timer();
    hv::print(machine(), "Detected ", clock_khz() / 1000, " MHz TSC");
    machine().scheduler.on(here.id).online = here.runs_guests;
    here.resched = &machine().scheduler.on(here.id).resched;
    here.tlb = &machine().tlb[here.id.raw()];
    // What every address space of a PV guest shares.
    std::copy_n(boot_pml4 + hv::pv::first_own_slot, hv::pv::own_slots, machine().own_slots.begin());
    fpu_init_cpu(here);
    pv_init_cpu(here);
    virtualization_init();
    start_cpus(ids.data(), found);
    hv::print(machine(), "Brought up ", cpu_count, " CPUs",
              here.runs_guests ? "" : ", and one that serves domain 0 alone");
    identity_map_remove();
    start_control_domain();
    start_first_domains(info);
    release_boot_memory(info);
    run_loop();
}
