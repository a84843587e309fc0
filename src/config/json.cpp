// SPDX-License-Identifier: Apache-2.0
// The mapping between domain_config and libxl's JSON; nlohmann's JSON stays in this folder.
#include "config/affinity_json.hpp"
#include "config/bindings.hpp"
#include "config/nic_json.hpp"

#include <xenpp/config/disk_spec.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/schema.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace xenpp::config {
namespace {

using nlohmann::ordered_json;

// libxl's names of the actions: as in xl.cfg, but for one.
constexpr std::array<std::string_view, 7> actions{
    "destroy",          "restart",          "restart_rename", "preserve",
    "coredump_destroy", "coredump_restart", "soft_reset"};
constexpr std::string_view types = "pv|pvh|hvm";
constexpr std::string_view tsc_modes = "default|always_emulate|native";
constexpr std::string_view timer_modes = "delay_for_missed_ticks|no_delay_for_missed_ticks|"
                                         "no_missed_ticks_pending|one_missed_tick_pending";
constexpr std::uint64_t kib_per_mib = 1024;

/// libxl writes its three-state booleans as strings.
std::string_view as_defbool(bool b) {
    return b ? "True" : "False";
}

void put(ordered_json& to, char const* key, std::string const& s) {
    if (!s.empty()) {
        to[key] = s;
    }
}

void put(ordered_json& to, char const* key, std::optional<std::uint32_t> n) {
    if (n) {
        to[key] = *n;
    }
}

ordered_json creation(domain_config const& c) {
    ordered_json out;
    out["type"] = to_string(c.type);
    out["name"] = c.name;
    out["domid"] = UINT32_MAX; // as libxl writes one that is not there yet
    if (c.uuid) {
        out["uuid"] = format(*c.uuid);
    }
    put(out, "pool_name", c.pool);
    out["run_hotplug_scripts"] = "True";
    return out;
}

ordered_json build(domain_config const& c,
                   std::span<std::uint32_t const> node_of_cpu,
                   std::string_view scheduler) {
    ordered_json out;
    out["max_vcpus"] = c.maxvcpus;
    ordered_json online = ordered_json::array();
    for (std::uint32_t vcpu = 0; vcpu < c.vcpus; ++vcpu) {
        online.push_back(vcpu);
    }
    out["avail_vcpus"] = std::move(online);
    if (!c.cpus.empty() && !node_of_cpu.empty()) {
        out["vcpu_hard_affinity"] = affinity_json(c.cpus, c.maxvcpus, node_of_cpu);
    }
    if (!c.cpus_soft.empty() && !node_of_cpu.empty()) {
        out["vcpu_soft_affinity"] = affinity_json(c.cpus_soft, c.maxvcpus, node_of_cpu);
    }
    if (c.cpus.is_per_vcpu || c.cpus_soft.is_per_vcpu) {
        out["numa_placement"] = "False";
    }
    if (c.tsc_mode != tsc_mode::by_default) {
        out["tsc_mode"] = to_string(c.tsc_mode);
    }
    out["max_memkb"] = c.maxmem_mib * kib_per_mib;
    out["target_memkb"] = c.memory_mib * kib_per_mib;
    out["video_memkb"] = 0; // else libxl takes one KiB off when it shows the target
    if (c.rtc_timeoffset_s != 0) {
        out["rtc_timeoffset"] = static_cast<std::uint32_t>(c.rtc_timeoffset_s); // as libxl does
    }
    if (c.nomigrate) {
        out["disable_migrate"] = as_defbool(true);
    }
    put(out, "max_grant_frames", c.max_grant_frames);
    put(out, "max_maptrack_frames", c.max_maptrack_frames);
    put(out, "max_grant_version", c.max_grant_version);
    ordered_json scheduling = ordered_json::object();
    put(scheduling, "sched", std::string(scheduler));
    put(scheduling, "weight", c.cpu_weight);
    put(scheduling, "cap", c.cap);
    out["sched_params"] = std::move(scheduling);
    out["claim_mode"] = "True";
    put(out, "event_channels", c.max_event_channels);
    put(out, "kernel", c.kernel);
    put(out, "cmdline", c.cmdline);
    put(out, "ramdisk", c.ramdisk);
    if (!c.acpi) {
        out["acpi"] = as_defbool(false);
    }
    if (c.timer_mode) {
        out["timer_mode"] = to_string(*c.timer_mode);
    }
    out[fmt::format("type.{}", to_string(c.type))] = ordered_json::object();
    out["arch_arm"] = ordered_json::object();
    out["arch_x86"] = {{"msr_relaxed", "False"}};
    return out;
}

void put_action(ordered_json& to, char const* key, shutdown_action a) {
    if (a != shutdown_action::destroy) { // libxl's default, which it leaves out
        to[key] = actions[static_cast<std::size_t>(a)];
    }
}

ordered_json as_json(value const& v) {
    if (!v.is_list()) {
        return v.text();
    }
    ordered_json out = ordered_json::array();
    for (auto const& item : v.list()) {
        out.push_back(as_json(item));
    }
    return out;
}

ordered_json disk(dev::vbd_config const& d) {
    ordered_json out;
    put(out, "backend_domname", d.backend_domain);
    put(out, "pdev_path", d.target);
    put(out, "vdev", d.vdev);
    if (d.backend_type != dev::disk_backend_type::automatic) {
        out["backend"] = libxl_word(d.backend_type);
    }
    out["format"] = to_string(d.format);
    put(out, "script", d.script);
    if (d.is_cdrom) {
        out["removable"] = 1;
        out["is_cdrom"] = 1;
    }
    if (!d.is_read_only) {
        out["readwrite"] = 1;
    }
    if (d.direct_io_safe) {
        out["direct_io_safe"] = true;
    }
    if (d.discard) {
        out["discard_enable"] = as_defbool(*d.discard);
    }
    return out;
}

/// What libxl's members say already.
constexpr std::string_view said_by_libxl =
    "name|type|uuid|pool|memory|maxmem|vcpus|maxvcpus|tsc_mode|timer_mode|kernel|ramdisk|cmdline|"
    "cpu_weight|cap|on_poweroff|on_reboot|on_crash|on_watchdog|on_soft_reset|rtc_timeoffset|"
    "nomigrate|acpi|max_grant_frames|max_maptrack_frames|max_grant_version|max_event_channels";

/// A tree as `as_json` wrote it; anything else becomes what no key takes.
value from_tree(ordered_json const& j) {
    if (j.is_array()) {
        std::vector<value> items;
        for (auto const& item : j) {
            items.push_back(from_tree(item));
        }
        return {std::move(items), {}};
    }
    return {j.is_string() ? j.get<std::string>() : j.dump(), {}};
}

/// The members of our own, each named after its key; the first malformed one is returned.
std::string read_own(ordered_json const& own, domain_config& c) {
    file settings;
    for (auto const& [key, v] : own.items()) {
        if (key != "cpus" && key != "cpus_soft" && key != "disk" && key != "vif") {
            settings.settings.push_back({key, assign_op::set, from_tree(v), {}});
        }
    }
    diagnostics found;
    reader in(settings, domain_schema(), found);
    apply_bindings(c, in);
    auto const bad = std::find_if(found.items.begin(), found.items.end(), [](diagnostic const& d) {
        return d.severity == severity::error;
    });
    return bad == found.items.end() ? std::string() : bad->message;
}

/// yajl, which Xen's tools print with, opens an empty object on three lines.
std::string as_yajl(std::string const& text) {
    std::string out;
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t const end = std::min(text.find('\n', begin), text.size());
        std::string_view const line(text.data() + begin, end - begin);
        std::size_t const braces = line.find(": {}"); // a string's line ends in a quote
        if (braces != std::string_view::npos &&
            line.substr(braces + 4).find_first_not_of(',') == std::string_view::npos) {
            std::string const indent(line.find_first_not_of(' '), ' ');
            out += fmt::format("{}: {{\n\n{}}}{}\n", line.substr(0, braces), indent,
                               line.substr(braces + 4));
        } else {
            out += line;
            out += '\n';
        }
        begin = end + 1;
    }
    return out;
}

/// Reads members; the first malformed one is remembered.
class json_reader {
public:
    explicit json_reader(ordered_json const& object) : object_(object) {}

    template <class T>
    bool get(char const* key, T& to) {
        auto const at = object_.find(key);
        if (at == object_.end()) {
            return false;
        }
        if (!assign(*at, to)) {
            bad_ = bad_.empty() ? key : bad_;
            return false;
        }
        return true;
    }

    void get_word(char const* key, std::string_view words, auto& to) {
        std::string text;
        if (!get(key, text)) {
            return;
        }
        int const index = word_index(words, text);
        if (index < 0) {
            bad_ = bad_.empty() ? key : bad_;
            return;
        }
        to = static_cast<typename std::remove_reference_t<decltype(unwrap(to))>>(index);
    }

    void fail(char const* key) { bad_ = bad_.empty() ? key : bad_; }

    std::string const& bad() const { return bad_; }

private:
    template <class T>
    static T unwrap(std::optional<T> const&);
    template <class T>
    static T unwrap(T const&);

    static bool assign(ordered_json const& from, std::string& to) {
        if (!from.is_string() ||
            from.get_ref<std::string const&>().find('\0') != std::string::npos) {
            return false;
        }
        to = from.get<std::string>();
        return true;
    }

    static bool assign(ordered_json const& from, bool& to) {
        std::string text;
        if (!assign(from, text) || (text != "True" && text != "False")) {
            return false;
        }
        to = text == "True";
        return true;
    }

    static bool assign(ordered_json const& from, std::uint64_t& to) {
        if (!from.is_number_unsigned()) {
            return false;
        }
        to = from.get<std::uint64_t>();
        return true;
    }

    static bool assign(ordered_json const& from, std::uint32_t& to) {
        std::uint64_t wide = 0;
        if (!assign(from, wide) || wide > UINT32_MAX) {
            return false;
        }
        to = static_cast<std::uint32_t>(wide);
        return true;
    }

    static bool assign(ordered_json const& from, std::optional<std::uint32_t>& to) {
        std::uint32_t n = 0;
        if (!assign(from, n)) {
            return false;
        }
        to = n;
        return true;
    }

    static bool assign(ordered_json const& from, cpu_affinity& to) {
        to.lists.clear();
        to.is_per_vcpu = from.is_array();
        auto const add = [&to](ordered_json const& item) {
            std::string text;
            if (!assign(item, text)) {
                return false;
            }
            auto list = parse_cpu_list(text);
            if (!list) {
                return false;
            }
            to.lists.push_back(*std::move(list));
            return true;
        };
        if (!from.is_array()) {
            return add(from);
        }
        return std::all_of(from.begin(), from.end(), add);
    }

    ordered_json const& object_;
    std::string bad_;
};

void read_creation(json_reader& in, domain_config& c) {
    std::string id;
    in.get_word("type", types, c.type);
    in.get("name", c.name);
    in.get("pool_name", c.pool);
    if (in.get("uuid", id)) {
        c.uuid = parse_uuid(id);
        if (!c.uuid) {
            in.fail("uuid");
        }
    }
}

void read_build(json_reader& in, ordered_json const& b_info, domain_config& c) {
    std::uint64_t max_kib = 0;
    std::uint64_t target_kib = 0;
    std::uint32_t offset = 0;
    in.get("max_vcpus", c.maxvcpus);
    auto const online = b_info.find("avail_vcpus");
    c.vcpus = online != b_info.end() ? static_cast<std::uint32_t>(online->size()) : c.maxvcpus;
    if (c.vcpus > c.maxvcpus || c.vcpus == 0) {
        in.fail("avail_vcpus");
    }
    for (auto const& [key, to] : {std::pair{"vcpu_hard_affinity", &c.cpus},
                                  std::pair{"vcpu_soft_affinity", &c.cpus_soft}}) {
        auto const kept = b_info.find(key);
        if (kept != b_info.end() && !read_affinity(*kept, c.maxvcpus, *to)) {
            in.fail(key);
        }
    }
    in.get_word("tsc_mode", tsc_modes, c.tsc_mode);
    if (in.get("max_memkb", max_kib)) {
        c.maxmem_mib = max_kib / kib_per_mib;
    }
    if (in.get("target_memkb", target_kib)) {
        c.memory_mib = target_kib / kib_per_mib;
    }
    if (in.get("rtc_timeoffset", offset)) {
        c.rtc_timeoffset_s = static_cast<std::int32_t>(offset);
    }
    in.get("disable_migrate", c.nomigrate);
    in.get("max_grant_frames", c.max_grant_frames);
    in.get("max_maptrack_frames", c.max_maptrack_frames);
    in.get("max_grant_version", c.max_grant_version);
    in.get("event_channels", c.max_event_channels);
    in.get("kernel", c.kernel);
    in.get("cmdline", c.cmdline);
    in.get("ramdisk", c.ramdisk);
    in.get("acpi", c.acpi);
    in.get_word("timer_mode", timer_modes, c.timer_mode);
}

void read_actions(json_reader& in, domain_config& c) {
    std::string words;
    for (auto word : actions) {
        words += (words.empty() ? "" : "|") + std::string(word);
    }
    for (auto* action :
         {&c.on_poweroff, &c.on_reboot, &c.on_crash, &c.on_watchdog, &c.on_soft_reset}) {
        *action = shutdown_action::destroy;
    }
    in.get_word("on_poweroff", words, c.on_poweroff);
    in.get_word("on_reboot", words, c.on_reboot);
    in.get_word("on_watchdog", words, c.on_watchdog);
    in.get_word("on_crash", words, c.on_crash);
    in.get_word("on_soft_reset", words, c.on_soft_reset);
}

/// A disk is kept as its specification too: that is what is read back.
bool read_disks(ordered_json const& own, domain_config& c) {
    auto const disks = own.find("disk");
    if (disks == own.end()) {
        return true;
    }
    for (auto const& item : *disks) {
        auto spec = item.is_string() ? parse_disk_spec(item.get<std::string>())
                                     : parse_disk_spec(std::string_view());
        if (!spec) {
            return false;
        }
        c.disks.push_back(std::move(spec->disk));
    }
    return true;
}

} // namespace

std::string to_json(domain_config const& c,
                    std::span<std::uint32_t const> node_of_cpu,
                    std::string_view scheduler) {
    ordered_json out;
    out["c_info"] = creation(c);
    out["b_info"] = build(c, node_of_cpu, scheduler);
    for (auto const& d : c.disks) {
        out["disks"].push_back(disk(d));
    }
    for (std::size_t i = 0; i < c.vifs.size(); ++i) {
        out["nics"].push_back(nic_json(c.vifs[i], i));
    }
    put_action(out, "on_poweroff", c.on_poweroff);
    put_action(out, "on_reboot", c.on_reboot);
    put_action(out, "on_watchdog", c.on_watchdog);
    put_action(out, "on_crash", c.on_crash);
    put_action(out, "on_soft_reset", c.on_soft_reset);
    ordered_json own = ordered_json::object();
    for (auto const& setting : to_settings(c)) {
        if (word_index(said_by_libxl, setting.key) < 0) {
            own[setting.key] = as_json(setting.value);
        }
    }
    if (!own.empty()) {
        out["xenpp"] = std::move(own);
    }
    // Text that is not UTF-8 cannot be JSON: such bytes are replaced rather than thrown over.
    return as_yajl(out.dump(4, ' ', false, ordered_json::error_handler_t::replace));
}

result<domain_config> from_json(std::string_view text) {
    constexpr std::string_view operation = "read a stored configuration";
    auto const all = ordered_json::parse(text, nullptr, false);
    if (!all.is_object()) {
        return fail(operation, "it is no JSON object");
    }
    domain_config c;
    ordered_json const none = ordered_json::object();
    auto const part = [&none](ordered_json const& of, char const* key) -> ordered_json const& {
        auto const at = of.find(key);
        return at != of.end() && at->is_object() ? *at : none;
    };
    ordered_json const& b_info = part(all, "b_info");
    json_reader creation_part(part(all, "c_info"));
    json_reader build_part(b_info);
    json_reader scheduler(part(b_info, "sched_params"));
    json_reader own(part(all, "xenpp"));
    json_reader actions_part(all);
    read_creation(creation_part, c);
    read_build(build_part, b_info, c);
    scheduler.get("weight", c.cpu_weight);
    scheduler.get("cap", c.cap);
    own.get("cpus", c.cpus);
    own.get("cpus_soft", c.cpus_soft);
    read_actions(actions_part, c);
    if (!read_disks(part(all, "xenpp"), c)) {
        own.fail("disk");
    }
    if (!read_vifs(part(all, "xenpp"), c)) {
        own.fail("vif");
    }
    if (auto const bad = read_own(part(all, "xenpp"), c); !bad.empty()) {
        return fail(operation, bad);
    }
    for (auto const* in : {&creation_part, &build_part, &scheduler, &own, &actions_part}) {
        if (!in->bad().empty()) {
            return fail(operation, fmt::format("`{}` is malformed", in->bad()));
        }
    }
    if (c.name.empty()) {
        return fail(operation, "`name` is missing");
    }
    return c;
}

} // namespace xenpp::config
