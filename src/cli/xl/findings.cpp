// SPDX-License-Identifier: Apache-2.0
// Configuration files by their kind, and what is wrong with them.
#include "cli/xl/findings.hpp"

#include <xenpp/cli/session.hpp>
#include <xenpp/config/cpupool_config.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/xen_config.hpp>
#include <xenpp/config/xl_config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace xenpp::cli::xl {
namespace {

void add_finding(config::diagnostics& to,
                 std::string const& path,
                 config::severity s,
                 std::string text) {
    config::diagnostic d;
    d.severity = s;
    d.file = path;
    d.message = std::move(text);
    to.items.push_back(std::move(d));
}

/// Those of a file that could be read, and what create would refuse though the file is right.
config::diagnostics findings_of(std::string const& path, config::loaded_domain const& c) {
    auto out = c.warnings;
    if (c.type == config::domain_type::hvm) {
        add_finding(
            out, path, config::severity::warning,
            "guests of type \"hvm\" cannot be created here yet, for want of an emulated PC: "
            "type = \"pvh\" or \"pv\"");
    }
    return out;
}

config::diagnostics findings_of_domain(std::string const& path) {
    if (path.ends_with(".json")) {
        std::ifstream in(path, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        auto const c = config::parse_domain_json(text.str(), path, leniently);
        return c ? findings_of(path, *c) : c.error();
    }
    auto const c = config::load_domain(path, {}, leniently);
    return c ? findings_of(path, *c) : c.error();
}

config::diagnostics findings_of_xen_config(std::string const& path) {
    auto const boot = config::load_xen_config(path);
    if (!boot) {
        return boot.error();
    }
    auto out = boot->warnings;
    auto const add = [&](config::severity s, std::string message) {
        add_finding(out, path, s, std::move(message));
    };
    auto const options = config::parse_xen_options(boot->options);
    if (!options) {
        add(config::severity::error, options.error());
        return out;
    }
    for (auto const& f : options->findings) {
        add(config::severity::warning, f);
    }
    return out;
}

config::diagnostics findings_of_xl_config(std::string const& path) {
    auto const c = config::load_xl_config(path);
    return c ? c->warnings : c.error();
}

config::diagnostics findings_of_pool(std::string const& path) {
    auto const c = config::load_cpupool(path);
    return c ? c->warnings : c.error();
}

bool is_any(std::string_view /*name*/) {
    return true;
}

bool is_xl_config(std::string_view name) {
    return name == "xl.conf";
}

/// xen.cfg, or what xen.efi of some version looks for: xen-4.17-amd64.cfg.
bool is_xen_config(std::string_view name) {
    return name == "xen.cfg" || name.ends_with(".xen") ||
           (name.starts_with("xen-") && name.ends_with(".cfg"));
}

bool is_pool(std::string_view name) {
    return name.find("cpupool") != std::string_view::npos;
}

struct file_kind {
    std::string_view word;
    bool (*is_named)(std::string_view name);
    config::diagnostics (*find)(std::string const& path);
};

// The first whose name it has; a domain's file may have any.
constexpr std::array kinds{
    file_kind{"xl.conf", is_xl_config, findings_of_xl_config},
    file_kind{"xen.cfg", is_xen_config, findings_of_xen_config},
    file_kind{"pool", is_pool, findings_of_pool},
    file_kind{"domain", is_any, findings_of_domain},
};

} // namespace

result<config::diagnostics> find_in_file(std::string const& path, std::string_view kind) {
    auto const name = std::filesystem::path(path).filename().string();
    auto const* const found = std::ranges::find_if(kinds, [&](file_kind const& k) {
        return kind.empty() ? k.is_named(name) : k.word == kind;
    });
    if (found == kinds.end()) {
        return refuse(fmt::format("there is no kind of file \"{}\"; there are domain, pool, "
                                  "xl.conf and xen.cfg",
                                  kind));
    }
    // Without xl.conf there are its defaults; but who names a file to be checked wants it read.
    return std::filesystem::exists(path) ? found->find(path) : findings_of_domain(path);
}

} // namespace xenpp::cli::xl
