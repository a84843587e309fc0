// SPDX-License-Identifier: Apache-2.0
// The hypervisor's command line: what describes the machine, and what has no effect here.
#include "config/text_scanner.hpp"

#include <xenpp/config/xen_config.hpp>

#include <fmt/format.h>

#include <limits>

namespace xenpp::config {
namespace {

enum class option_use : std::uint8_t {
    memory,  ///< the size of the machine
    cpus,    ///< the number of its CPUs
    passed,  ///< the hypervisor image acts upon it
    without, ///< known to Xen; here it has no effect, and `why` says so
};

struct option_row {
    std::string_view name;
    option_use use;
    std::string_view words; ///< values that are acted upon, or ask for what is anyway; empty: any
    std::string_view why;
};

// clang-format off
constexpr option_row rows[] = {
    {"mem",            option_use::memory,  "", ""},
    {"maxcpus",        option_use::cpus,    "", ""},
    {"guest_loglvl",   option_use::passed,  "all|none", "the hypervisor passes guests' output on with guest_loglvl=all, or not at all"},
    {"ram",            option_use::passed,  "zero", "memory is taken as it comes"},
    {"console",        option_use::without, "com1", "the hypervisor's console is the machine's first serial port, console.log"},
    {"com1",           option_use::without, "", "the machine's serial ports have no speed"},
    {"com2",           option_use::without, "", "the second serial port is the doorbell"},
    {"loglvl",         option_use::without, "all", "the hypervisor prints all it has to say"},
    {"sched",          option_use::passed,  "credit2|null", "the hypervisor schedules by credit2 or null"},
    {"dom0_mem",       option_use::without, "", "domain 0 is this computer's processes and takes none of the machine's memory"},
    {"dom0_max_vcpus", option_use::without, "", "domain 0 is this computer's processes and has its CPUs"},
    {"dom0_vcpus_pin", option_use::without, "", "domain 0 is this computer's processes and has its CPUs"},
    {"dom0",           option_use::without, "", "domain 0 is this computer's processes"},
    {"iommu",          option_use::without, "", "the machine has no IOMMU"},
    {"ucode",          option_use::without, "", "the machine's processor takes no microcode"},
    {"noreboot",       option_use::without, "", "the machine ends when the hypervisor does"},
    {"vga",            option_use::without, "", "the machine has no display"},
    {"smt",            option_use::without, "", "the machine's CPUs have one thread a core"},
    {"cpufreq",        option_use::without, "", "the machine's CPUs have one frequency"},
    {"watchdog",       option_use::without, "", "nothing watches the hypervisor"},
    {"crashkernel",    option_use::without, "", "the machine's memory outlives a crash as a file"},
};

// clang-format on

/// SIZE with Xen's suffixes: KiB without one, B K M G T with.
std::optional<std::uint64_t> read_size(std::string_view text) {
    text_scanner in(text);
    std::uint64_t n = 0;
    if (!in.number(n, 10)) {
        return std::nullopt;
    }
    constexpr std::string_view suffixes = "bkmgt";
    unsigned shift = 10;
    if (!in.at_end()) {
        auto const at = suffixes.find(static_cast<char>(in.rest().front() | 0x20));
        if (at == std::string_view::npos || in.rest().size() != 1) {
            return std::nullopt;
        }
        shift = 10 * static_cast<unsigned>(at);
    }
    return n > (std::numeric_limits<std::uint64_t>::max() >> shift) ? std::nullopt
                                                                    : std::optional(n << shift);
}

expected<void, std::string> read_option(xen_options& to, std::string_view word) {
    auto const equals = word.find('=');
    auto const name = word.substr(0, equals);
    auto const value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    auto const row = std::find_if(std::begin(rows), std::end(rows),
                                  [name](option_row const& r) { return r.name == name; });
    if (row == std::end(rows)) {
        std::vector<std::string_view> names;
        for (auto const& r : rows) {
            names.push_back(r.name);
        }
        auto const meant = nearest(name, names);
        to.findings.push_back(
            fmt::format("the hypervisor has no option \"{}\"{}", name,
                        meant.empty() ? "" : fmt::format(": did you mean {}?", meant)));
        return {};
    }
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    std::uint64_t n = 0;
    text_scanner digits(value);
    switch (row->use) {
    case option_use::memory: {
        auto const size = read_size(value);
        if (!size || *size < mib) {
            return unexpected(fmt::format("{}: write a size, as in mem=2G", word));
        }
        to.memory_mib = *size / mib;
        return {};
    }
    case option_use::cpus:
        if (!digits.number(n, 10) || !digits.at_end() || n == 0 || n > UINT16_MAX) {
            return unexpected(fmt::format("{}: write a number of CPUs, as in maxcpus=2", word));
        }
        to.cpus = static_cast<unsigned>(n);
        return {};
    case option_use::passed:
    case option_use::without: break;
    }
    bool const is_served =
        row->words.empty() ? row->use == option_use::passed : word_index(row->words, value) >= 0;
    if (!is_served) {
        to.findings.push_back(fmt::format("\"{}\" has no effect: {}", word, row->why));
    }
    return {};
}

} // namespace

expected<xen_options, std::string> parse_xen_options(std::string_view options) {
    xen_options out;
    text_scanner in(options);
    while (true) {
        in.skip_blanks();
        if (in.at_end()) {
            return out;
        }
        XENPP_TRY(read_option(out, in.until(" \t")));
    }
}

} // namespace xenpp::config
