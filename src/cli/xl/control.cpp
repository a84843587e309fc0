// SPDX-License-Identifier: Apache-2.0
// xl shutdown, reboot, destroy, pause, unpause, rename, console: acting upon a domain.
#include "cli/xl/lookup.hpp"

#include <xenpp/cli/xl.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>

namespace xenpp::cli::xl {
namespace {

using namespace std::chrono_literals;

/// The domains meant: those that operands name, or with -a every guest.
result<std::vector<domain>> targets(xenpp::host const& h, arguments const& args) {
    std::vector<domain> out;
    if (args.has("all")) {
        if (!args.operands.empty()) {
            return refuse("-a leaves no room for a domain id.");
        }
        for (auto const& d : XENPP_TRY(h.domains())) {
            if (d.id != dom0 && !d.is_dying) {
                out.push_back(XENPP_TRY(h.find(d.id)));
            }
        }
        return out;
    }
    if (args.operands.empty()) {
        return refuse("You must specify -a or a domain id.");
    }
    out.push_back(XENPP_TRY(find(h, args.operands.front())));
    return out;
}

/// With one -w until each has shut down or is gone, with two until each is gone.
result<void> wait_for(session& s, std::vector<domain> const& domains, bool is_death) {
    s.complain(
        fmt::format("Waiting for {} domain{}", domains.size(), domains.size() == 1 ? "" : "s"));
    for (auto const& d : domains) {
        if (!is_death) {
            auto const reason = XENPP_TRY(d.wait_for_shutdown());
            s.complain(fmt::format("Domain {} has been shut down, reason code {}", d.id().raw(),
                                   static_cast<unsigned>(reason)));
            continue;
        }
        while (!XENPP_TRY(d.wait_until_gone(1h))) {
        }
        s.complain(fmt::format("Domain {} has been destroyed", d.id().raw()));
    }
    return {};
}

result<int> end_domains(session& s, arguments const& args, shutdown_reason how) {
    auto const& h = *XENPP_TRY(s.open());
    auto const domains = XENPP_TRY(targets(h, args));
    int code = exit_success;
    std::vector<domain> asked;
    for (auto const& d : domains) {
        s.complain(fmt::format("{} domain {}",
                               how == shutdown_reason::reboot ? "Rebooting" : "Shutting down",
                               d.id().raw()));
        if (auto const done = d.shutdown(how); done) {
            asked.push_back(d);
        } else {
            code = s.fail(done.error());
        }
    }
    if (args.has("wait") && !asked.empty()) {
        XENPP_TRY(wait_for(s, asked, args.count("wait") > 1));
    }
    return code;
}

} // namespace

result<int> shutdown(session& s, arguments const& args) {
    return end_domains(s, args, shutdown_reason::poweroff);
}

result<int> reboot(session& s, arguments const& args) {
    return end_domains(s, args, shutdown_reason::reboot);
}

result<int> destroy(session& s, arguments const& args) {
    auto const d = XENPP_TRY(operand(s, args));
    if (d.id() == dom0 && !args.has("f")) {
        return refuse("Not destroying domain 0; use -f to force.\n"
                      "Only a toolstack that runs in another domain can do it.");
    }
    XENPP_TRY(d.destroy());
    return exit_success;
}

result<int> pause(session& s, arguments const& args) {
    XENPP_TRY(XENPP_TRY(operand(s, args)).pause());
    return exit_success;
}

result<int> unpause(session& s, arguments const& args) {
    XENPP_TRY(XENPP_TRY(operand(s, args)).unpause());
    return exit_success;
}

result<int> rename(session& s, arguments const& args) {
    auto const& name = args.operands[1];
    if (auto const done = XENPP_TRY(operand(s, args)).rename(name); !done) {
        return refuse(fmt::format("Can't rename domain '{}'. ({})", args.operands[0],
                                  done.error().message()));
    }
    return exit_success;
}

result<int> console(session& s, arguments const& args) {
    auto const type = args.has("t") ? args.value("t") : std::string_view("pv");
    if (type != "pv" && type != "serial" && type != "vuart") {
        return refuse("console type supported are: pv, serial, vuart");
    }
    if (type != "pv") {
        return refuse(fmt::format("A {} console is not supported yet; the PV console is.", type));
    }
    if (args.has("n") && args.value("n") != "0") {
        return refuse(fmt::format("There is no PV console {}; every domain has number 0 alone.",
                                  args.value("n")));
    }
    auto const d = XENPP_TRY(operand(s, args));
    if (args.has("path")) {
        s.print(XENPP_TRY(d.console().tty()) + '\n');
        return exit_success;
    }
    XENPP_TRY(d.console().attach(STDIN_FILENO, STDOUT_FILENO));
    return exit_success;
}

} // namespace xenpp::cli::xl
