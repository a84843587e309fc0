// SPDX-License-Identifier: Apache-2.0
// xl create: from a file and settings to a running domain.
#include "cli/xl/defaults.hpp"
#include "cli/xl/foreground.hpp"
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/xen_config.hpp>
#include <xenpp/config/xl_config.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace xenpp::cli::xl {
namespace {

// libxl's error numbers, which xl's create returns without their sign.
constexpr int libxl_fail = 3;
constexpr int libxl_nomem = 5;
constexpr int libxl_inval = 6;

int libxl_code(error const& e) {
    switch (static_cast<errc>(e.code)) {
    case errc::nomem: return libxl_nomem;
    case errc::inval:
    case errc::exist: return libxl_inval;
    default: return libxl_fail;
    }
}

/// The file to read and the settings that win over it.
struct source {
    std::string file;
    std::vector<std::string> settings;
};

result<source> choose_source(arguments const& args) {
    source out;
    auto operand = args.operands.begin();
    if (args.has("defconfig")) {
        out.file = args.value("defconfig");
    } else if (operand != args.operands.end() && operand->find('=') == std::string::npos) {
        out.file = *operand++;
    } else if (operand != args.operands.end()) {
        out.file = "/dev/null"; // settings alone
    } else {
        return refuse("Config file not specified");
    }
    out.settings.assign(operand, args.operands.end());
    return out;
}

result<config::domain_config> load(session& s, source const& from, bool is_quiet) {
    if (!is_quiet) {
        s.complain(fmt::format("Parsing config from {}", from.file));
    }
    auto const loaded = config::load_domain(from.file, from.settings, {config::dialect::lint});
    if (!loaded) {
        print_findings(s, loaded.error());
        return refuse(fmt::format("Failed to parse config: {}", from.file));
    }
    if (!is_quiet) {
        print_findings(s, loaded->warnings);
    }
    return config::domain_config(*loaded);
}

void apply_defaults(config::domain_config& c, config::xl_config const& defaults) {
    auto const set = [](auto& to, auto const& from) {
        if (!to) {
            to = from;
        }
    };
    set(c.max_grant_frames, defaults.max_grant_frames);
    set(c.max_maptrack_frames, defaults.max_maptrack_frames);
    set(c.max_grant_version, defaults.max_grant_version);
    for (auto& vif : c.vifs) {
        apply_vif_defaults(vif, defaults);
    }
}

/// Hard affinity within the masks of xl.conf.
result<void> apply_masks(xenpp::host const& h,
                         domain const& d,
                         config::domain_config const& c,
                         config::xl_config const& defaults) {
    auto const& by_type =
        c.type == config::domain_type::pv ? defaults.vm_pv_cpumask : defaults.vm_hvm_cpumask;
    if (defaults.vm_cpumask.empty() && by_type.empty()) {
        return {};
    }
    std::vector<std::uint32_t> nodes;
    for (auto const& cpu : XENPP_TRY(h.topology())) {
        nodes.push_back(cpu.node);
    }
    auto const all = config::evaluate(defaults.vm_cpumask, nodes);
    auto const kind = config::evaluate(by_type, nodes);
    for (auto const& v : d.vcpus()) {
        auto const now = XENPP_TRY(v.info()).hard;
        cpu_set masked;
        for (std::uint32_t cpu = 0; cpu < nodes.size(); ++cpu) {
            if (all[cpu] && kind[cpu] && now.contains(cpu)) {
                masked.insert(cpu);
            }
        }
        if (masked.empty()) {
            return refuse("vcpu hard affinity map is empty");
        }
        XENPP_TRY(v.pin(masked));
    }
    return {};
}

/// While it lives, other creations wait: Xen's lock on the whole of xl.conf's `lockfile`, taken
/// where dom0 may give memory up.
result<os::unique_fd> lock_creation(config::xl_config const& defaults) {
    constexpr mode_t owner_alone = 0600;
    os::unique_fd lock(
        ::open(defaults.lockfile.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, owner_alone));
    if (!lock) {
        // Only a file that somebody chose is worth failing for: /var/lock is not everybody's.
        bool const is_chosen = defaults.lockfile != config::xl_config().lockfile;
        return is_chosen
                   ? result<os::unique_fd>(os::fail_errno("open the lock file", defaults.lockfile))
                   : result<os::unique_fd>(std::move(lock));
    }

    struct flock whole {};

    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    while (::fcntl(lock.get(), F_SETLKW, &whole) != 0) {
        if (errno != EINTR) {
            return os::fail_errno("take the lock file", defaults.lockfile);
        }
    }
    return lock;
}

/// Everything behind the configuration. The domain is destroyed again if a step before its start
/// fails.
result<int> run(session& s,
                arguments const& args,
                config::domain_config const& c,
                config::xl_config const& defaults) {
    auto& h = *XENPP_TRY(s.open());
    auto const begin = std::chrono::steady_clock::now();
    auto lock = defaults.autoballoon == config::autoballoon::off
                    ? os::unique_fd()
                    : XENPP_TRY(lock_creation(defaults));
    auto const d = XENPP_TRY(h.create(c, {.start = false, .monitored = !args.has("e")}));
    auto const start = [&]() -> result<void> {
        if (!args.has("ignore-global-affinity-masks")) {
            XENPP_TRY(apply_masks(h, d, c, defaults));
        }
        if (args.has("c")) {
            XENPP_TRY(d.console().tty()); // so that nothing the guest says is missed
        }
        if (!args.has("p")) {
            XENPP_TRY(d.unpause());
        }
        return {};
    };
    if (auto const started = start(); !started) {
        if (auto const gone = d.destroy(); !gone) {
            s.fail(gone.error());
        }
        return unexpected(started.error());
    }
    lock = os::unique_fd();
    std::chrono::duration<double, std::milli> const taken =
        std::chrono::steady_clock::now() - begin;
    s.log(1,
          fmt::format("domain {} ({}) created in {:.1f} ms", d.id().raw(), c.name, taken.count()));
    if (args.has("c")) {
        XENPP_TRY(d.console().attach(STDIN_FILENO, STDOUT_FILENO));
    }
    if (args.has("F")) {
        XENPP_TRY(wait_in_foreground(s, h, d, c));
    }
    return exit_success;
}

} // namespace

result<int> create(session& s, arguments const& args) {
    if (args.has("vncviewer") || args.has("vncviewer-autopass")) {
        return refuse("xl create: -V and -A need a guest with a display; none is supported yet");
    }
    bool const is_quiet = args.has("quiet");
    auto const defaults = XENPP_TRY(load_defaults(s, is_quiet));
    auto config = XENPP_TRY(load(s, XENPP_TRY(choose_source(args)), is_quiet));
    apply_defaults(config, defaults);
    if (args.has("dryrun") || s.global.dry_run) {
        s.print(config::to_json(config));
        return exit_success;
    }
    if (args.has("d")) {
        s.complain(config::to_json(config));
    }
    auto const done = run(s, args, config, defaults);
    if (!done) {
        s.fail(done.error());
        return libxl_code(done.error());
    }
    return *done;
}

} // namespace xenpp::cli::xl
