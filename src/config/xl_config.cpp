// SPDX-License-Identifier: Apache-2.0
// xl.conf into its structure and back, by the table of its keys.
#include "config/reader.hpp"
#include "config/text_file.hpp"

#include <xenpp/config/parse.hpp>
#include <xenpp/config/xl_config.hpp>

#include <fmt/format.h>

#include <array>
#include <variant>

namespace xenpp::config {
namespace {

using member = std::variant<std::string xl_config::*,
                            bool xl_config::*,
                            std::optional<std::uint32_t> xl_config::*,
                            cpu_list xl_config::*,
                            autoballoon xl_config::*,
                            output_format xl_config::*,
                            domid_policy xl_config::*>;

struct field {
    std::string_view key;
    config::member member;
};

// A deprecated spelling comes first, so that the current one wins.
// clang-format off
constexpr std::array fields{
    field{"autoballoon",            &xl_config::autoballoon},
    field{"run_hotplug_scripts",    &xl_config::run_hotplug_scripts},
    field{"lockfile",               &xl_config::lockfile},
    field{"vifscript",              &xl_config::vif_script},
    field{"vif.default.script",     &xl_config::vif_script},
    field{"defaultbridge",          &xl_config::vif_bridge},
    field{"vif.default.bridge",     &xl_config::vif_bridge},
    field{"vif.default.gatewaydev", &xl_config::vif_gatewaydev},
    field{"vif.default.backend",    &xl_config::vif_backend},
    field{"output_format",          &xl_config::output_format},
    field{"blkdev_start",           &xl_config::blkdev_start},
    field{"claim_mode",             &xl_config::claim_mode},
    field{"max_grant_frames",       &xl_config::max_grant_frames},
    field{"max_maptrack_frames",    &xl_config::max_maptrack_frames},
    field{"max_grant_version",      &xl_config::max_grant_version},
    field{"vm.cpumask",             &xl_config::vm_cpumask},
    field{"vm.hvm.cpumask",         &xl_config::vm_hvm_cpumask},
    field{"vm.pv.cpumask",          &xl_config::vm_pv_cpumask},
    field{"domid_policy",           &xl_config::domid_policy},
};

// clang-format on

class assigner {
public:
    assigner(reader& in, std::string_view key) : in_(in), key_(key) {}

    void operator()(std::string& to) { to = *in_.text(key_); }

    void operator()(bool& to) { to = *in_.number(key_) != 0; }

    void operator()(std::optional<std::uint32_t>& to) {
        to = static_cast<std::uint32_t>(*in_.number(key_));
    }

    void operator()(cpu_list& to) {
        auto const text = *in_.text(key_);
        auto list = parse_cpu_list(text);
        if (!list) {
            in_.report(key_, severity::error,
                       fmt::format("{} is no list of CPUs: {} (at character {})", quote(text),
                                   list.error().reason, list.error().offset + 1));
            return;
        }
        cpu_list const every_cpu{cpu_term{false, false, 0, cpu_term::unbounded}};
        to = *list == every_cpu ? cpu_list() : *std::move(list);
    }

    void operator()(autoballoon& to) {
        constexpr int words = 3; // the fourth and fifth are 1 and 0, for on and off
        int const index = *in_.word(key_);
        to = static_cast<autoballoon>(index < words ? index : index - 2);
    }

    void operator()(output_format& to) { to = static_cast<output_format>(*in_.word(key_)); }

    void operator()(domid_policy& to) { to = static_cast<domid_policy>(*in_.word(key_)); }

private:
    reader& in_;
    std::string_view key_;
};

std::string in_words(std::string_view, std::string const& s) {
    return quote(s);
}

std::string in_words(std::string_view, bool b) {
    return b ? "1" : "0";
}

std::string in_words(std::string_view, std::optional<std::uint32_t> const& n) {
    return fmt::format("{}", *n);
}

std::string in_words(std::string_view, cpu_list const& list) {
    return quote(print(list));
}

template <class Enum>

requires std::is_enum_v<Enum> std::string in_words(std::string_view key, Enum e) {
    return quote(word_at(find(xl_schema(), key)->words, static_cast<int>(e)));
}

} // namespace

expected<loaded_xl_config, diagnostics> parse_xl_config(std::string_view text,
                                                        std::string_view file_name) {
    auto parsed = parse(text, file_name);
    reader in(parsed.ast, xl_schema(), parsed.diagnostics);
    in.check(guest_all);
    loaded_xl_config loaded;
    for (auto const& f : fields) {
        if (in.has(f.key)) {
            assigner assign(in, f.key);
            xl_config& to = loaded;
            std::visit([&](auto m) { assign(to.*m); }, f.member);
        }
    }
    sort_by_place(parsed.diagnostics, file_name);
    if (parsed.diagnostics.has_errors()) {
        return unexpected(std::move(parsed.diagnostics));
    }
    loaded.warnings = std::move(parsed.diagnostics);
    return loaded;
}

expected<loaded_xl_config, diagnostics> load_xl_config(std::string const& path) {
    auto text = read_text_file(path);
    if (!text) {
        loaded_xl_config defaults;
        defaults.warnings = std::move(text.error());
        defaults.warnings.items.front().severity = severity::warning;
        defaults.warnings.items.front().suggestion = "the defaults hold";
        return defaults;
    }
    return parse_xl_config(*text, path);
}

std::string print(xl_config const& c) {
    static xl_config const defaults;
    std::string out;
    for (auto const& f : fields) {
        if (find(xl_schema(), f.key)->status == key_status::deprecated) {
            continue; // the current spelling says it
        }
        std::visit(
            [&](auto m) {
                if (c.*m != defaults.*m) {
                    out += fmt::format("{} = {}\n", f.key, in_words(f.key, c.*m));
                }
            },
            f.member);
    }
    return out;
}

} // namespace xenpp::config
