// SPDX-License-Identifier: Apache-2.0
// xlcpupool.cfg into its structure and back.
#include "config/reader.hpp"
#include "config/text_file.hpp"

#include <xenpp/config/cpupool_config.hpp>
#include <xenpp/config/parse.hpp>

#include <fmt/format.h>

namespace xenpp::config {
namespace {

/// Adds a list of CPUs, or of nodes if the key is `nodes`.
void add_list(reader& in, std::string_view key, value const& v, cpu_list& to) {
    auto list = parse_cpu_list(v.text());
    if (!list) {
        in.report_inside(key, v, {list.error().offset, list.error().reason});
        return;
    }
    for (auto term : *list) {
        term.is_node = term.is_node || key == "nodes";
        to.push_back(term);
    }
}

} // namespace

expected<loaded_cpupool, diagnostics> parse_cpupool(std::string_view text,
                                                    std::string_view file_name,
                                                    std::span<std::string const> overrides) {
    auto parsed = parse(text, file_name);
    for (auto const& o : overrides) {
        auto more = parse(o + "\n", "command line");
        append(parsed.ast, std::move(more.ast));
        std::move(more.diagnostics.items.begin(), more.diagnostics.items.end(),
                  std::back_inserter(parsed.diagnostics.items));
    }
    reader in(parsed.ast, cpupool_schema(), parsed.diagnostics);
    in.check(guest_all);
    loaded_cpupool out;
    auto const base = file_name.substr(file_name.rfind('/') + 1);
    out.name = in.text("name").value_or(std::string(base));
    out.sched = in.text("sched").value_or("");
    if (in.has("cpus") && in.has("nodes")) {
        in.report("nodes", severity::error, "`nodes` and `cpus` both say which CPUs the pool gets",
                  "remove one of the two");
    }
    for (std::string_view key : {"nodes", "cpus"}) {
        auto const* const v = in.raw(key);
        if (v != nullptr && !v->is_list()) {
            add_list(in, key, *v, out.cpus);
        } else if (v != nullptr) {
            for (auto const& item : v->list()) {
                add_list(in, key, item, out.cpus);
            }
        }
    }
    sort_by_place(parsed.diagnostics, file_name);
    if (parsed.diagnostics.has_errors()) {
        return unexpected(std::move(parsed.diagnostics));
    }
    out.warnings = std::move(parsed.diagnostics);
    return out;
}

expected<loaded_cpupool, diagnostics> load_cpupool(std::string const& path,
                                                   std::span<std::string const> overrides) {
    return parse_cpupool(XENPP_TRY(read_text_file(path)), path, overrides);
}

std::string print(cpupool_config const& c) {
    std::string out = fmt::format("name = {}\n", quote(c.name));
    if (!c.sched.empty()) {
        out += fmt::format("sched = {}\n", quote(c.sched));
    }
    if (!c.cpus.empty()) {
        out += fmt::format("cpus = {}\n", quote(print(c.cpus)));
    }
    return out;
}

} // namespace xenpp::config
