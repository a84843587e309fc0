// SPDX-License-Identifier: Apache-2.0
// Fills a domain's configuration from checked settings, and checks what keys say together.
#include "config/bindings.hpp"
#include "config/contradictions.hpp"
#include "config/text_file.hpp"

#include <xenpp/config/disk_spec.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace xenpp::config {
namespace {

/// Xen's HVM_MAX_VCPUS: more than this many local APICs it does not emulate.
constexpr std::uint32_t most_hvm_vcpus = 128;

class domain_loader {
public:
    explicit domain_loader(reader& in, load_options options) : in_(in), options_(options) {}

    domain_config load() {
        load_type();
        in_.check(c_.type == domain_type::pv    ? guest_pv
                  : c_.type == domain_type::hvm ? guest_hvm
                                                : guest_pvh,
                  options_.must_run_here);
        load_identity();
        apply_bindings(c_, in_);
        load_boot();
        load_memory();
        load_vcpus();
        load_affinity("cpus", c_.cpus);
        load_affinity("cpus_soft", c_.cpus_soft);
        load_timing();
        load_disks();
        load_vifs();
        if (options_.dialect == dialect::lint) {
            find_contradictions(c_, in_);
        }
        return std::move(c_);
    }

private:
    void error(std::string_view key, std::string message, std::string hint = {}) {
        in_.report(key, severity::error, std::move(message), std::move(hint));
    }

    void load_type() {
        auto const type = in_.word("type");
        auto const builder = in_.word("builder");
        if (type) {
            c_.type = static_cast<domain_type>(*type);
        } else if (builder) {
            c_.type = *builder == 0 ? domain_type::pv : domain_type::hvm;
        }
        bool const is_hvm = c_.type == domain_type::hvm;
        if (type && builder && is_hvm != (*builder == 1)) {
            error("builder", fmt::format("`builder` contradicts type = \"{}\"", to_string(c_.type)),
                  "remove `builder`");
        }
    }

    void load_identity() {
        c_.name = in_.text("name").value_or("");
        if (c_.name.empty()) {
            error("name", "the domain has no name", "add name = \"...\"");
        } else if (std::any_of(c_.name.begin(), c_.name.end(), [](char ch) {
                       return ch == '/' || static_cast<unsigned char>(ch) < 0x20 || ch == 0x7f;
                   })) {
            error("name", "a name holds no `/` and no control characters",
                  "it becomes part of paths");
        } else if (c_.name.find_first_not_of("0123456789") == std::string::npos) {
            in_.report("name", severity::warning,
                       "a name of digits alone is taken for a domain number by every command");
        }
        if (auto const text = in_.text("uuid")) {
            c_.uuid = parse_uuid(*text);
            if (!c_.uuid) {
                error("uuid", fmt::format("{} is no UUID", quote(*text)),
                      "it has 32 hexadecimal digits, grouped 8-4-4-4-12");
            }
        }
    }

    void load_boot() {
        auto const root = in_.text("root");
        auto const extra = in_.text("extra");
        if (in_.has("cmdline")) {
            for (auto const* key : {"root", "extra"}) {
                if (in_.has(key)) {
                    in_.report(key, severity::warning,
                               fmt::format("`{}` has no effect beside `cmdline`", key));
                }
            }
        } else if (root) {
            c_.cmdline = "root=" + *root + (extra ? " " + *extra : "");
        } else {
            c_.cmdline = extra.value_or("");
        }
        bool const boots_otherwise = in_.has("bootloader") || in_.has("firmware");
        if (c_.kernel.empty() && c_.type != domain_type::hvm && !boots_otherwise) {
            error("kernel",
                  fmt::format("a {} domain needs a kernel",
                              c_.type == domain_type::pv ? "PV" : "PVH"),
                  "add kernel = \"PATH\"");
        }
    }

    void load_memory() {
        auto const memory = in_.number("memory");
        auto const maxmem = in_.number("maxmem");
        c_.memory_mib = static_cast<std::uint64_t>(
            memory.value_or(maxmem.value_or(static_cast<std::int64_t>(c_.memory_mib))));
        c_.maxmem_mib =
            static_cast<std::uint64_t>(maxmem.value_or(static_cast<std::int64_t>(c_.memory_mib)));
        if (c_.memory_mib > c_.maxmem_mib) {
            error("memory", fmt::format("`memory` ({}) is more than `maxmem` ({})", c_.memory_mib,
                                        c_.maxmem_mib));
        }
    }

    void load_vcpus() {
        auto const vcpus = in_.number("vcpus");
        auto const most = in_.number("maxvcpus");
        c_.vcpus = static_cast<std::uint32_t>(vcpus.value_or(1));
        c_.maxvcpus = static_cast<std::uint32_t>(most.value_or(c_.vcpus));
        auto const* const key = most ? "maxvcpus" : "vcpus";
        if (c_.maxvcpus < c_.vcpus) {
            error("maxvcpus",
                  fmt::format("`maxvcpus` ({}) is less than `vcpus` ({})", c_.maxvcpus, c_.vcpus));
        } else if (c_.type != domain_type::pv && c_.maxvcpus > most_hvm_vcpus) {
            error(key, fmt::format("{} domains have at most {} vCPUs",
                                   c_.type == domain_type::hvm ? "HVM" : "PVH", most_hvm_vcpus));
        }
    }

    void load_affinity(std::string_view key, cpu_affinity& to) {
        auto const* const v = in_.raw(key);
        if (v == nullptr) {
            return;
        }
        if (!v->is_list()) {
            add_cpu_list(key, *v, to);
            return;
        }
        to.is_per_vcpu = !v->list().empty();
        for (auto const& item : v->list()) {
            add_cpu_list(key, item, to);
        }
        if (to.lists.size() > c_.maxvcpus) {
            in_.report(
                key, severity::warning,
                fmt::format("`{}` has {} lists for {} vCPUs", key, to.lists.size(), c_.maxvcpus),
                "the last ones have no effect");
        }
    }

    void add_cpu_list(std::string_view key, value const& v, cpu_affinity& to) {
        auto list = parse_cpu_list(v.text());
        if (!list) {
            in_.report_at(v.span, severity::error,
                          fmt::format("{} is no list of CPUs for `{}`: {} (at character {})",
                                      quote(v.text()), key, list.error().reason,
                                      list.error().offset + 1),
                          "for example \"0-3,^1\", \"all\", \"node:0\"");
            return;
        }
        to.lists.push_back(*std::move(list));
    }

    void load_disks() {
        auto const* const items = in_.raw("disk");
        if (items == nullptr) {
            return;
        }
        for (auto const& item : items->list()) {
            load_disk(item);
        }
    }

    void load_disk(value const& item) {
        auto spec = parse_disk_spec(item.text(), options_.dialect);
        if (!spec) {
            auto const& e = spec.error();
            in_.report_at(part_of(item, e.offset, e.length), severity::error,
                          fmt::format("disk {}: {}", quote(item.text()), e.reason), e.hint);
            return;
        }
        for (auto const& warning : spec->warnings) {
            in_.report_at(item.span, severity::warning, warning);
        }
        auto const& vdev = spec->disk.vdev;
        auto const number = dev::parse_vdev(vdev);
        if (auto const why = check_supported(*spec); !why.empty()) {
            in_.report_at(number ? item.span : parameter_of(item, vdev), severity::error,
                          fmt::format("disk {}: {}", quote(item.text()), why));
        } else if (std::ranges::any_of(c_.disks, [number](dev::vbd_config const& d) {
                       return dev::parse_vdev(d.vdev) == number;
                   })) {
            in_.report_at(parameter_of(item, vdev), severity::error,
                          fmt::format("there are two disks of the name \"{}\"", vdev));
        } else {
            c_.disks.push_back(std::move(spec->disk));
        }
    }

    /// The place of a part of a string, if it is written as it reads; else of the whole.
    static source_span part_of(value const& v, std::size_t offset, std::size_t length) {
        auto span = v.span;
        if (span.end - span.begin == v.text().size() + 2) {
            span.begin += static_cast<std::uint32_t>(1 + offset);
            span.end = std::min(span.begin + static_cast<std::uint32_t>(length), span.end);
        }
        return span;
    }

    /// The place in a specification of a parameter with that value; else the whole.
    static source_span parameter_of(value const& v, std::string_view text) {
        auto const& all = v.text();
        constexpr std::string_view before = ",= ";
        constexpr std::string_view behind = ",: ";
        for (auto at = all.find(text); at != all.npos; at = all.find(text, at + 1)) {
            auto const end = at + text.size();
            if ((at == 0 || before.find(all[at - 1]) != before.npos) &&
                (end == all.size() || behind.find(all[end]) != behind.npos)) {
                return part_of(v, at, text.size());
            }
        }
        return v.span;
    }

    void load_vifs() {
        auto const* const items = in_.raw("vif");
        if (items == nullptr) {
            return;
        }
        for (auto const& item : items->list()) {
            auto vif = parse_vif(item.text());
            if (!vif) {
                report_in(item, severity::error, vif.error());
                continue;
            }
            for (auto const& warning : vif->warnings) {
                report_in(item, severity::warning, warning);
            }
            if (auto const why = unsupported(vif->config); !why.empty()) {
                report_in(item, severity::error, {0, why});
            }
            c_.vifs.push_back(std::move(vif->config));
        }
    }

    /// Nothing, or why an interface that can be asked for cannot be had.
    std::string unsupported(dev::vif_config const& vif) const {
        if (!vif.backend.empty() && vif.backend != "0" && vif.backend != "Domain-0") {
            return fmt::format("interfaces are served by domain 0 alone, not by {}", vif.backend);
        }
        if (vif.type == "ioemu" && c_.type != domain_type::hvm) {
            return "type=ioemu is for HVM guests; remove it";
        }
        auto const same = [&vif](dev::vif_config const& other) {
            return (vif.mac && vif.mac == other.mac) || (vif.devid && vif.devid == other.devid);
        };
        return std::ranges::any_of(c_.vifs, same) ? "another interface has the same mac or devid"
                                                  : "";
    }

    /// At the part of a string if it is written as it reads, else at the whole.
    void report_in(value const& item, severity s, vif_spec_note const& note) {
        in_.report_at(part_of(item, note.offset, 1), s,
                      fmt::format("vif {}: {}", quote(item.text()), note.reason));
    }

    void load_timing() {
        if (auto const mode = in_.word("tsc_mode")) {
            if (*mode > static_cast<int>(tsc_mode::native)) {
                error("tsc_mode", "`native_paravirt` was removed from Xen",
                      "leave `tsc_mode` at \"default\"");
                return;
            }
            c_.tsc_mode = static_cast<tsc_mode>(*mode);
        }
        if (auto const mode = in_.word("timer_mode"); mode && c_.type != domain_type::pv) {
            c_.timer_mode = static_cast<timer_mode>(*mode);
        }
    }

    reader& in_;
    load_options options_;
    domain_config c_;
};

void add_overrides(parse_result& to, std::span<std::string const> overrides, dialect d) {
    std::string text;
    for (auto const& o : overrides) {
        text += o + '\n';
    }
    auto more = parse(text, "command line", d);
    append(to.ast, std::move(more.ast));
    std::move(more.diagnostics.items.begin(), more.diagnostics.items.end(),
              std::back_inserter(to.diagnostics.items));
}

} // namespace

expected<loaded_domain, diagnostics> parse_domain(std::string_view text,
                                                  std::string_view file_name,
                                                  std::span<std::string const> overrides,
                                                  load_options options) {
    auto parsed = parse(text, file_name, options.dialect);
    if (!overrides.empty()) {
        add_overrides(parsed, overrides, options.dialect);
    }
    diagnostics& out = parsed.diagnostics;
    auto const syntax_errors = static_cast<std::ptrdiff_t>(out.items.size());
    reader in(parsed.ast, domain_schema(), out, options.dialect);
    loaded_domain loaded{domain_loader(in, options).load(), {}};
    if (syntax_errors != 0) {
        // What is missing may stand in a line that did not parse: no complaint about absence.
        auto const begin = out.items.begin() + syntax_errors;
        out.items.erase(
            std::remove_if(begin, out.items.end(), [](diagnostic const& d) { return d.line == 0; }),
            out.items.end());
    }
    sort_by_place(out, file_name);
    if (out.has_errors()) {
        return unexpected(std::move(out));
    }
    loaded.warnings = std::move(out);
    return loaded;
}

expected<loaded_domain, diagnostics>
load_domain(std::string const& path, std::span<std::string const> overrides, load_options options) {
    return parse_domain(XENPP_TRY(read_text_file(path)), path, overrides, options);
}

} // namespace xenpp::config
