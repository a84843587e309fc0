// SPDX-License-Identifier: Apache-2.0
// What the environment says of the machine.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/config/xen_config.hpp>
#include <xenpp/daemon.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace xenpp {

namespace {

constexpr std::string_view operation = "start xenppd";

std::optional<std::string> variable(char const* name) {
    char const* const v = std::getenv(name); // NOLINT(concurrency-mt-unsafe): read only
    return v != nullptr && *v != '\0' ? std::optional<std::string>(v) : std::nullopt;
}

template <class T>
result<void> read_number(char const* name, T& into) {
    auto const text = variable(name);
    if (!text) {
        return {};
    }
    auto const n = parse_number<T>(*text);
    if (!n) {
        return fail(operation, errc::inval, fmt::format("{}={} is not a number", name, *text));
    }
    into = *n;
    return {};
}

/// The options of xen.cfg in the folder of configurations; none where there is no such file.
result<std::string> options_of_file(std::vector<std::string>& notes) {
    auto const path = config::config_dir() + "/xen.cfg";
    if (::access(path.c_str(), F_OK) != 0) {
        return std::string();
    }
    auto const boot = config::load_xen_config(path);
    if (!boot) {
        return fail(operation, errc::inval, boot.error().message());
    }
    for (auto const& d : boot->warnings.items) {
        notes.push_back(config::render(d));
    }
    for (auto const& [key, v] :
         {std::pair("kernel", boot->kernel), std::pair("ramdisk", boot->ramdisk)}) {
        if (!v.empty()) {
            notes.push_back(fmt::format("{}: `{}` has no effect: domain 0 is this computer's own "
                                        "kernel and processes",
                                        path, key));
        }
    }
    for (auto const& [key, v] : {std::pair("xsm", boot->xsm), std::pair("video", boot->video),
                                 std::pair("ucode", boot->ucode), std::pair("dtb", boot->dtb),
                                 std::pair("chain", boot->chain)}) {
        if (!v.empty()) {
            notes.push_back(
                fmt::format("{}: `{}` has no effect on the embedded machine", path, key));
        }
    }
    return boot->options;
}

/// What the hypervisor's command line says of the machine.
result<void> apply_options(transport::machine_config& c, std::vector<std::string>& notes) {
    auto const options = config::parse_xen_options(c.command_line);
    if (!options) {
        return fail(operation, errc::inval, options.error());
    }
    if (options->memory_mib) {
        c.memory_mib = *options->memory_mib;
        c.least_mib = 0;
    }
    c.cpus = options->cpus.value_or(c.cpus);
    notes.insert(notes.end(), options->findings.begin(), options->findings.end());
    return {};
}

/// Beside the program in a build folder, or as installed.
std::string find_image() {
    std::error_code none;
    auto const folder = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
    for (auto const* const relative :
         {"../../hv/xenpp-hv", "../lib/xenpp/xenpp-hv", "../lib/x86_64-linux-gnu/xenpp/xenpp-hv"}) {
        auto const path = (folder / relative).lexically_normal();
        if (::access(path.c_str(), R_OK) == 0) {
            return path;
        }
    }
    return "xenpp-hv"; // the machine's start says that it is not there
}

} // namespace

result<transport::machine_config> machine_config_from_environment(std::vector<std::string>* notes) {
    std::vector<std::string> unheard;
    auto& heard = notes == nullptr ? unheard : *notes;
    constexpr long most_cpus = 8;
    constexpr std::uint64_t least_mib = 512;
    transport::machine_config c;
    c.cpus = static_cast<unsigned>(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, most_cpus));
    c.least_mib = least_mib; // nobody asked for just that much
    auto const options = variable("XENPP_OPTIONS");
    c.command_line = options ? *options : XENPP_TRY(options_of_file(heard));
    XENPP_TRY(apply_options(c, heard));
    if (variable("XENPP_MEMORY_MIB")) {
        c.least_mib = 0;
        XENPP_TRY(read_number("XENPP_MEMORY_MIB", c.memory_mib));
    }
    XENPP_TRY(read_number("XENPP_CPUS", c.cpus));
    c.qemu = variable("XENPP_QEMU").value_or(c.qemu);
    c.cpu = variable("XENPP_QEMU_CPU").value_or("");
    auto const image = variable("XENPP_IMAGE");
    c.image = image ? *image : find_image();
    auto const accel = variable("XENPP_ACCEL").value_or("");
    if (accel == "tcg") {
        c.accel = transport::accelerator::tcg;
    } else if (accel == "kvm") {
        c.accel = transport::accelerator::kvm;
    } else if (!accel.empty()) {
        return fail(operation, errc::inval,
                    fmt::format("XENPP_ACCEL={} is neither tcg nor kvm", accel));
    }
    return c;
}

} // namespace xenpp
