// SPDX-License-Identifier: Apache-2.0
// What the environment says of the machine.
#include <xenpp/daemon.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <charconv>
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
    auto const end = text->data() + text->size();
    auto const r = std::from_chars(text->data(), end, into);
    if (r.ec != std::errc() || r.ptr != end) {
        return fail(operation, errc::inval, fmt::format("{}={} is not a number", name, *text));
    }
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

result<transport::machine_config> machine_config_from_environment() {
    constexpr long most_cpus = 8;
    constexpr std::uint64_t least_mib = 512;
    transport::machine_config c;
    c.cpus = static_cast<unsigned>(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, most_cpus));
    if (variable("XENPP_MEMORY_MIB")) {
        XENPP_TRY(read_number("XENPP_MEMORY_MIB", c.memory_mib));
    } else {
        c.least_mib = least_mib; // nobody asked for just that much
    }
    XENPP_TRY(read_number("XENPP_CPUS", c.cpus));
    c.qemu = variable("XENPP_QEMU").value_or(c.qemu);
    c.cpu = variable("XENPP_QEMU_CPU").value_or("");
    c.command_line = variable("XENPP_OPTIONS").value_or("");
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
