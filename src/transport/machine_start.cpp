// SPDX-License-Identifier: Apache-2.0
// From a state folder to a machine whose hypervisor answers.
#include <xenpp/base/atomic.hpp>
#include <xenpp/base/checked.hpp>
#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/transport/machine.hpp>
#include <xenpp/transport/machine_start.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <transport/ram_file.hpp>
#include <transport/state_files.hpp>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace xenpp::transport {

namespace {

constexpr std::string_view operation = "start machine";

/// A name for the RAM file that no other folder of any user has (FNV-1a of the path).
std::string ram_name(os::state_dir const& where) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (char const c : where.path()) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return fmt::format("xenpp-{}-{:016x}.ram", ::geteuid(), hash);
}

/// A comma in a value is doubled in QEMU's options.
std::string quoted(std::string_view value) {
    std::string out;
    for (char const c : value) {
        out.append(c == ',' ? 2 : 1, c);
    }
    return out;
}

/// The RAM file, not there yet.
struct ram_place {
    std::string path;
    std::uint64_t size = 0;
};

result<ram_place> place_for_ram(os::state_dir const& where, machine_config const& config) {
    ram_room room;
    if (::access("/dev/shm", W_OK) == 0) {
        room.in_memory = os::free_space("/dev/shm").value_or(0);
    }
    room.on_disk = XENPP_TRY(os::free_space(where.path()));
    auto const choice = choose_ram(config, room);
    if (choice.mib == 0) {
        return fail(operation, errc::nospc,
                    fmt::format("the machine's {} MiB of memory fit neither in /dev/shm ({} MiB "
                                "free) nor in {} ({} MiB free); give it less",
                                config.memory_mib, room.in_memory >> 20, where.path(),
                                room.on_disk >> 20));
    }
    return ram_place{choice.is_in_memory ? "/dev/shm/" + ram_name(where) : where.file("ram.file"),
                     choice.mib << 20};
}

/// The window's first page, as the hypervisor wants to find it.
void write_header(std::byte* window, std::uint64_t size) {
    auto& h = *reinterpret_cast<link::link_header*>(window);
    h.version = link::version;
    h.window_size = link::window_size;
    h.virtual_base = link::window_virtual_base;
    auto const regions = q35_regions(size);
    h.region_count = static_cast<std::uint32_t>(regions.size());
    for (std::size_t i = 0; i < regions.size(); ++i) {
        h.regions[i] = regions[i];
    }
    h.wall_clock_ns = os::wall_clock_ns();
    atomic_store(h.magic, link::magic);
}

/// The RAM file and the window in it, removed again unless the machine comes up.
struct new_ram {
    std::string path;
    std::string link;
    os::mapping window;
    std::uint64_t mib = 0;
    bool is_kept = false;

    new_ram() = default;

    new_ram(new_ram&& o) noexcept
        : path(std::exchange(o.path, {}))
        , link(std::move(o.link))
        , window(std::move(o.window))
        , mib(o.mib)
        , is_kept(o.is_kept) {}

    new_ram& operator=(new_ram&&) = delete;
    new_ram(new_ram const&) = delete;
    new_ram& operator=(new_ram const&) = delete;

    ~new_ram() {
        if (!is_kept && !path.empty()) {
            ::unlink(path.c_str());
            ::unlink(link.c_str());
        }
    }
};

result<new_ram> create_ram(os::state_dir const& where, machine_config const& config) {
    new_ram ram;
    auto const [path, size] = XENPP_TRY(place_for_ram(where, config));
    ::unlink(path.c_str());
    auto const fd = XENPP_TRY(os::open_file(path, O_RDWR | O_CREAT | O_EXCL));
    ram.path = path;
    ram.mib = size >> 20;
    ram.link = where.file(state_files::ram);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
        return os::fail_errno(operation, path);
    }
    ::unlink(ram.link.c_str());
    if (::symlink(path.c_str(), ram.link.c_str()) != 0) {
        return os::fail_errno(operation, ram.link);
    }
    ram.window = XENPP_TRY(os::mapping::of_file(fd.get(), link::window_machine_base.raw(),
                                                link::window_size, os::access::read_write));
    write_header(ram.window.data(), size);
    return ram;
}

result<void> check(machine_config const& config) {
    if (os::find_program(config.qemu).empty()) {
        return fail(operation, errc::noent,
                    config.qemu + " is not installed: apt-get install qemu-system-x86");
    }
    if (::access(config.image.c_str(), R_OK) != 0) {
        return os::fail_errno(operation, "the hypervisor image " + config.image);
    }
    constexpr std::uint64_t least = 128;
    if (config.memory_mib < least || config.memory_mib > (std::uint64_t{1} << 20)) {
        return fail(
            operation, errc::inval,
            fmt::format("a machine of {} MiB; {} MiB to 1 TiB may be", config.memory_mib, least));
    }
    if (config.cpus == 0 || config.cpus > 63) {
        return fail(operation, errc::inval,
                    fmt::format("a machine of {} CPUs; 1 to 63 may be", config.cpus));
    }
    return {};
}

result<void> make_bell(os::state_dir const& where) {
    // New ones: bytes for a machine that is gone are for nobody.
    for (auto const* const name : {state_files::bell_in, state_files::bell_out}) {
        ::unlink(where.file(name).c_str());
        XENPP_TRY(os::make_fifo(where.file(name)));
    }
    return {};
}

/// What the machine said before it failed.
std::string last_words(os::state_dir const& where) {
    std::string out;
    for (auto const* const name : {state_files::qemu_log, state_files::console_log}) {
        auto const text = os::tail_of_file(where.file(name), 800);
        if (!text.empty()) {
            out += fmt::format("\n{} ends:\n{}", name, text);
        }
    }
    return out;
}

/// Waits for the hypervisor, and tells it the TSC's rate as soon as that is known.
result<void> await_up(os::state_dir const& where,
                      machine_config const& config,
                      std::byte* window,
                      os::process const& qemu) {
    constexpr std::uint64_t calibration_ns = 10'000'000;
    constexpr std::uint64_t nap_ns = 500'000;
    auto& h = *reinterpret_cast<link::link_header*>(window);
    auto const begin_ns = os::monotonic_ns();
    auto const begin_tsc = os::rdtsc();
    for (;;) {
        if (atomic_load(h.state) == static_cast<std::uint32_t>(link::hv_state::up)) {
            return {};
        }
        if (qemu.wait(0)) {
            return fail(operation, "the machine ended while it started" + last_words(where));
        }
        auto const passed_ns = os::monotonic_ns() - begin_ns;
        if (passed_ns / 1'000'000 >= config.timeout_ms) {
            return fail(operation, errc::timedout,
                        "the hypervisor does not come up" + last_words(where));
        }
        if (passed_ns >= calibration_ns && atomic_load(h.tsc_khz) == 0) {
            auto const ticks = os::rdtsc() - begin_tsc;
            auto const ns = os::monotonic_ns() - begin_ns;
            atomic_store(h.tsc_khz, static_cast<std::uint32_t>(ticks * 1'000'000 / ns));
        }
        os::sleep_ns(nap_ns);
    }
}

result<os::unique_fd> lock_start(os::state_dir const& where) {
    auto lock = XENPP_TRY(os::open_file(where.file(state_files::slots_lock), O_RDWR | O_CREAT));
    if (!XENPP_TRY(os::try_lock_byte(lock.get(), state_files::start_lock_byte))) {
        return fail(operation, errc::busy, "somebody else is starting or stopping it");
    }
    return lock;
}

void kill_and_wait(os::process const& qemu) {
    constexpr int grace_ms = 2000;
    static_cast<void>(qemu.send_signal(SIGTERM));
    if (!qemu.wait(grace_ms)) {
        static_cast<void>(qemu.send_signal(SIGKILL));
        qemu.wait(grace_ms);
    }
}

} // namespace

ram_choice choose_ram(machine_config const& config, ram_room const& room) noexcept {
    constexpr std::uint64_t step_mib = 64;
    auto const in_memory = room.in_memory >> 20;
    auto const on_disk = room.on_disk >> 20;
    if (in_memory >= config.memory_mib) {
        return {config.memory_mib, true};
    }
    if (on_disk >= config.memory_mib) {
        return {config.memory_mib, false};
    }
    auto const largest = std::max(in_memory, on_disk) / step_mib * step_mib;
    if (config.least_mib != 0 && largest >= config.least_mib) {
        return {largest, in_memory >= on_disk};
    }
    return {};
}

std::vector<std::string> qemu_arguments(machine_config const& config,
                                        os::state_dir const& where,
                                        std::string const& ram,
                                        accelerator accel) {
    auto const size = fmt::format("{}M", config.memory_mib);
    std::vector<std::string> a{config.qemu, "-nodefaults", "-no-user-config", "-no-reboot",
                               "-display",  "none",        "-monitor",        "none",
                               "-name",     "xenpp"};
    auto const add = [&a](std::string option, std::string value) {
        a.push_back(std::move(option));
        a.push_back(std::move(value));
    };
    bool const is_kvm = accel == accelerator::kvm;
    add("-accel", is_kvm ? "kvm" : "tcg,thread=multi");
    add("-cpu", !config.cpu.empty() ? config.cpu : is_kvm ? "host" : "max");
    // Under TCG one more, which runs no guests (hv/boot/smp.cpp). With a single CPU it would leave
    // barriers and atomicity out besides, which sharing RAM needs.
    add("-smp", std::to_string(is_kvm ? config.cpus : config.cpus + 1));
    add("-M", "q35,memory-backend=ram,sata=off,smbus=off,usb=off,smm=off");
    add("-m", size);
    add("-object",
        fmt::format("memory-backend-file,id=ram,share=on,size={},mem-path={}", size, quoted(ram)));
    if (::access(config.firmware.c_str(), R_OK) == 0) {
        add("-bios", config.firmware);
    }
    add("-chardev",
        fmt::format("file,id=console,path={}", quoted(where.file(state_files::console_log))));
    add("-chardev", fmt::format("pipe,id=bell,path={}", quoted(where.file(state_files::bell))));
    add("-serial", "chardev:console");
    add("-serial", "chardev:bell");
    add("-device", "isa-debug-exit,iobase=0xf4,iosize=1");
    add("-kernel", config.image);
    // The RAM file is new: the hypervisor need not write zeroes over all of it.
    add("-append", config.command_line.empty() ? "ram=zero" : "ram=zero " + config.command_line);
    return a;
}

result<started_machine> start_machine(os::state_dir const& where, machine_config const& asked) {
    auto const begin_ns = os::monotonic_ns();
    auto config = asked;
    XENPP_TRY(check(config));
    auto const lock = XENPP_TRY(lock_start(where));
    if (auto const running = XENPP_TRY(running_machine(where)); running != 0) {
        return fail(operation, errc::exist,
                    fmt::format("one runs in {} already (process {})", where.path(), running));
    }
    if (auto const old = XENPP_TRY(state_files::ram_target(where)); !old.empty()) {
        ::unlink(old.c_str());
    }
    auto const accel = XENPP_TRY(choose_accelerator(config.accel));
    XENPP_TRY(make_bell(where));
    auto ram = XENPP_TRY(create_ram(where, config));
    config.memory_mib = ram.mib;
    XENPP_TRY(os::replace_file(where.file(state_files::qemu_log), ""));
    ::unlink(where.file(state_files::console_log).c_str());

    auto const qemu = XENPP_TRY(os::spawn({qemu_arguments(config, where, ram.path, accel.what),
                                           where.file(state_files::qemu_log), true}));
    auto const written =
        os::replace_file(where.file(state_files::qemu_pid), fmt::format("{}\n", qemu.pid()));
    auto const up = written ? await_up(where, config, ram.window.data(), qemu) : written;
    if (!up) {
        kill_and_wait(qemu);
        return unexpected(up.error());
    }
    ram.is_kept = true;
    return started_machine{qemu.pid(), ram.path, ram.mib, accel, os::monotonic_ns() - begin_ns};
}

result<void> stop_machine(os::state_dir const& where) {
    auto const lock = XENPP_TRY(lock_start(where));
    auto const qemu = XENPP_TRY(state_files::find_qemu(where));
    kill_and_wait(qemu);
    auto const ram = XENPP_TRY(state_files::ram_target(where));
    ::unlink(ram.c_str());
    for (auto const* const name :
         {state_files::ram, state_files::bell_in, state_files::bell_out, state_files::qemu_pid}) {
        ::unlink(where.file(name).c_str());
    }
    return {};
}

} // namespace xenpp::transport
