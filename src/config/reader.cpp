// SPDX-License-Identifier: Apache-2.0
// The checks that a schema row stands for.
#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <tuple>

namespace xenpp::config {
namespace {

std::string release(std::uint16_t since) {
    return fmt::format("{}.{}", since / 100, since % 100);
}

std::string choices(std::string_view words) {
    std::string out;
    for (int i = 0; !word_at(words, i).empty(); ++i) {
        out += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", word_at(words, i));
    }
    return out;
}

std::vector<std::string_view> split(std::string_view words) {
    std::vector<std::string_view> out;
    for (int i = 0; !word_at(words, i).empty(); ++i) {
        out.push_back(word_at(words, i));
    }
    return out;
}

struct unsupported_reason {
    std::string_view key;
    std::string_view reason;
};

// clang-format off
/// Why keys of xl.conf are not acted upon.
constexpr unsupported_reason reasons[] = {
    {"run_hotplug_scripts", "the tool or its daemon runs every script itself"},
    {"vif.default.backend", "there are no driver domains: interfaces are served by domain 0"},
    {"output_format",       "long listings are JSON"},
    {"blkdev_start",        "no disk is attached to the host itself: there are no boot loaders that would read it"},
    {"claim_mode",          "a new guest's memory is always claimed first"},
    {"domid_policy",        "the hypervisor chooses"},
};

// clang-format on

std::string_view reason_of(std::string_view key) {
    auto const* const found = std::ranges::find(reasons, key, &unsupported_reason::key);
    return found != std::end(reasons) ? found->reason : std::string_view();
}

std::string_view guest_name(guest_set guest) {
    return guest == guest_pv ? "PV" : guest == guest_hvm ? "HVM" : "PVH";
}

std::string guest_names(guest_set guests) {
    std::string out;
    for (auto g : {guest_pv, guest_hvm, guest_pvh}) {
        if ((guests & g) != 0) {
            out += fmt::format("{}{}", out.empty() ? "" : " and ", guest_name(g));
        }
    }
    return out.empty() ? "guests on Arm" : out + " guests";
}

/// The word that 4.17's xl takes a beginning of it for: the empty text begins "hvm".
std::string_view exact_type(std::string_view key, std::string_view text) {
    for (std::string_view word : {"hvm", "pv", "pvh", "generic"}) {
        bool const is_of_key = key == "builder" ? word == "hvm" || word == "generic"
                                                : key == "type" && word != "generic";
        if (is_of_key && word.starts_with(text)) {
            return word;
        }
    }
    return {};
}

} // namespace

number_fault parse_c_number(std::string const& text, std::int64_t& out) {
    char* end = nullptr;
    errno = 0;
    long const n = std::strtol(text.c_str(), &end, 0);
    if (end == text.c_str() || end != text.c_str() + text.size()) {
        return number_fault::not_a_number;
    }
    out = n;
    return errno == ERANGE ? number_fault::out_of_range : number_fault::none;
}

void sort_by_place(diagnostics& all, std::string_view file_name) {
    auto const place = [file_name](diagnostic const& d) {
        return std::tuple(d.file != file_name, d.line == 0, d.line, d.column);
    };
    std::stable_sort(all.items.begin(), all.items.end(),
                     [&](diagnostic const& a, diagnostic const& b) { return place(a) < place(b); });
}

reader::reader(file const& f,
               std::span<key_schema const> table,
               diagnostics& out,
               config::dialect d)
    : file_(f), table_(table), out_(out), dialect_(d) {
    for (auto& s : evaluate(f, &out, d)) {
        auto const* const schema = config::find(table, s.key);
        entries_.push_back({std::move(s), schema, false});
        entry& e = entries_.back();
        if (schema == nullptr) {
            if (d != dialect::exact) {
                report_unknown(e);
            }
        } else {
            e.is_good = has_right_type(e);
        }
    }
}

void reader::check(guest_set guest, bool must_run_here) {
    for (auto const& e : entries_) {
        if (e.is_good && dialect_ != dialect::exact) {
            report_status(e, guest, must_run_here);
        }
    }
}

reader::entry const* reader::find_good(std::string_view key) const {
    auto const at = std::find_if(entries_.begin(), entries_.end(), [key](entry const& e) {
        return e.is_good && e.setting.key == key;
    });
    return at == entries_.end() ? nullptr : &*at;
}

std::optional<std::string> reader::text(std::string_view key) const {
    auto const* const e = find_good(key);
    return e == nullptr ? std::nullopt : std::optional(e->setting.value.text());
}

std::optional<std::int64_t> reader::number(std::string_view key) const {
    auto const* const e = find_good(key);
    if (e == nullptr) {
        return std::nullopt;
    }
    std::int64_t n = 0;
    static_cast<void>(parse_c_number(e->setting.value.text(), n)); // passed already
    return n;
}

std::optional<int> reader::word(std::string_view key) const {
    auto const* const e = find_good(key);
    if (e == nullptr) {
        return std::nullopt;
    }
    auto const& text = e->setting.value.text();
    auto const whole = dialect_ == dialect::exact ? exact_type(key, text) : std::string_view();
    int const index = word_index(e->schema->words, whole.empty() ? text : whole);
    return index >= 0 ? index : static_cast<int>(*number(key));
}

value const* reader::raw(std::string_view key) const {
    auto const* const e = find_good(key);
    return e == nullptr ? nullptr : &e->setting.value;
}

void reader::report(std::string_view key, severity s, std::string message, std::string hint) {
    auto const* const e = find_good(key);
    report_at(e == nullptr ? source_span{} : e->setting.value.span, s, std::move(message),
              std::move(hint));
}

void reader::report_at(source_span where, severity s, std::string message, std::string hint) {
    if (!out_.wants(s)) {
        return;
    }
    out_.items.push_back(make_diagnostic(file_, where, s, std::move(message), std::move(hint)));
}

severity reader::value_severity() const noexcept {
    return dialect_ == dialect::exact ? severity::warning : severity::error;
}

void reader::report_inside(std::string_view key, value const& v, value_error const& e) {
    source_span at = v.span;
    bool const is_verbatim = at.end - at.begin == v.text().size() + 2;
    if (is_verbatim) {
        at.begin += 1 + static_cast<std::uint32_t>(e.offset);
        at.end -= 1;
    }
    // What ends 4.17's xl; of the other items it drops what it cannot read.
    constexpr std::string_view fatal =
        "disk|pci|usbctrl|usbdev|vkb|vdispl|vsnd|p9|vtpm|pvcalls|vnuma|ioports|iomem|irqs";
    bool const is_error = dialect_ != dialect::exact || word_index(fatal, key) >= 0;
    report_at(at, is_error ? severity::error : severity::warning,
              fmt::format("`{}`: {}", key, e.reason), e.suggestion);
}

void reader::report_unknown(entry const& e) {
    if (!out_.wants(severity::warning)) {
        return; // before the costly search
    }
    std::vector<std::string_view> keys;
    for (auto const& row : table_) {
        keys.push_back(row.key);
    }
    auto const meant = nearest(e.setting.key, keys);
    report_at(e.setting.key_span, severity::warning,
              fmt::format("unknown key `{}`: it has no effect", e.setting.key),
              meant.empty() ? std::string() : fmt::format("did you mean `{}`?", meant));
}

void reader::report_status(entry const& e, guest_set guest, bool must_run_here) {
    auto const& row = *e.schema;
    auto const at = e.setting.key_span;
    if ((row.guests & guest) == 0 && row.status != key_status::refused) {
        report_at(at, severity::warning,
                  fmt::format("`{}` is for {}: it has no effect on a {} guest", row.key,
                              guest_names(row.guests), guest_name(guest)));
        return;
    }
    std::string const age =
        row.since > 417 ? fmt::format(" (of Xen {})", release(row.since)) : std::string();
    switch (row.status) {
    case key_status::acted: break;
    case key_status::deprecated:
        report_at(at, severity::warning, fmt::format("`{}` is deprecated", row.key),
                  std::string(row.doc));
        break;
    case key_status::unsupported:
        if (!is_neutral(e)) {
            report_at(
                at, severity::warning,
                fmt::format("`{}`{} is known, not supported yet: it has no effect", row.key, age),
                std::string(reason_of(row.key)));
        }
        break;
    case key_status::refused:
        if (!is_neutral(e)) {
            report_at(at, must_run_here ? severity::error : severity::warning,
                      fmt::format("`{}`{} is known, not supported yet: the guest would lack what "
                                  "it asks for",
                                  row.key, age),
                      "remove it to create the domain without");
        }
        break;
    case key_status::ignored:
        report_at(at, severity::warning, fmt::format("`{}` has no effect", row.key),
                  std::string(row.doc));
        break;
    }
}

bool reader::is_neutral(entry const& e) const {
    value const& v = e.setting.value;
    if (v.is_list()) {
        return v.list().empty();
    }
    std::int64_t n = 0;
    auto const kind = e.schema->kind;
    bool const is_boolean = (kind == value_kind::boolean || kind == value_kind::boolean_or_list) &&
                            parse_c_number(v.text(), n) == number_fault::none;
    return v.text().empty() ||
           word_index(e.schema->neutral, is_boolean ? (n != 0 ? "1" : "0") : v.text()) >= 0;
}

bool reader::has_right_type(entry const& e) {
    value const& v = e.setting.value;
    switch (e.schema->kind) {
    case value_kind::text: return check_text(e, v);
    case value_kind::number:
    case value_kind::boolean: return check_number(e, v);
    case value_kind::word:
    case value_kind::word_or_number:
    case value_kind::word_or_boolean: return check_word(e, v);
    case value_kind::text_list:
    case value_kind::list_list: return check_items(e, v);
    case value_kind::text_or_list: return v.is_list() ? check_items(e, v) : check_text(e, v);
    case value_kind::boolean_or_list: return v.is_list() ? check_items(e, v) : check_number(e, v);
    }
    return false;
}

bool reader::check_text(entry const& e, value const& v) {
    if (v.is_list()) {
        report_at(
            v.span, value_severity(),
            fmt::format("`{}` takes {}, not a list", e.schema->key, to_string(e.schema->kind)));
        return false;
    }
    return true;
}

bool reader::check_number(entry const& e, value const& v) {
    if (!check_text(e, v)) {
        return false;
    }
    auto const fail = [&](std::string message, std::string hint = {}) {
        report_at(v.span, value_severity(), std::move(message), std::move(hint));
        return false;
    };
    if (e.setting.is_joined) {
        return fail("`+=` joins text: it does not add numbers", "write the sum");
    }
    std::int64_t n = 0;
    auto const fault = parse_c_number(v.text(), n);
    auto const& row = *e.schema;
    if (fault == number_fault::not_a_number) {
        bool const is_octal = v.text().size() > 1 && v.text()[0] == '0';
        return fail(
            fmt::format("`{}` takes {}, not {}", row.key, to_string(row.kind), quote(v.text())),
            is_octal ? "a number that begins with 0 is octal" : "");
    }
    if (row.kind == value_kind::number &&
        (fault == number_fault::out_of_range || n < row.minimum || n > row.maximum)) {
        return fail(fmt::format("`{}` is out of range for `{}`", v.text(), row.key),
                    row.minimum == INT64_MIN
                        ? std::string()
                        : fmt::format("it takes {} to {}", row.minimum, row.maximum));
    }
    return true;
}

bool reader::check_word(entry const& e, value const& v) {
    if (!check_text(e, v)) {
        return false;
    }
    auto const& row = *e.schema;
    if (word_index(row.words, v.text()) >= 0) {
        return true;
    }
    if (dialect_ == dialect::exact && !exact_type(row.key, v.text()).empty()) {
        return true;
    }
    std::int64_t n = 0;
    bool const is_number = parse_c_number(v.text(), n) == number_fault::none;
    if (is_number && row.kind == value_kind::word_or_boolean) {
        return true;
    }
    if (is_number && row.kind == value_kind::word_or_number && n >= 0 &&
        n < static_cast<std::int64_t>(split(row.words).size())) {
        report_at(v.span, severity::warning,
                  fmt::format("a number for `{}` is deprecated", row.key),
                  fmt::format("write \"{}\"", word_at(row.words, static_cast<int>(n))));
        return true;
    }
    auto const meant = nearest(v.text(), split(row.words));
    report_at(
        v.span, severity::error, fmt::format("{} is no value of `{}`", quote(v.text()), row.key),
        meant.empty() ? fmt::format("it takes {}", choices(row.words))
                      : fmt::format("did you mean \"{}\"? It takes {}", meant, choices(row.words)));
    return false;
}

bool reader::check_items(entry const& e, value const& v) {
    if (!v.is_list()) {
        report_at(v.span, value_severity(),
                  fmt::format("`{}` takes {}, not {}", e.schema->key, to_string(e.schema->kind),
                              quote(v.text())),
                  fmt::format("write [ {} ]", quote(v.text())));
        return false;
    }
    bool const wants_lists = e.schema->kind == value_kind::list_list;
    for (auto const& item : v.list()) {
        if (item.is_list() != wants_lists) {
            report_at(item.span, severity::error,
                      fmt::format("an item of `{}` is {}", e.schema->key,
                                  wants_lists ? "a list" : "a string, not a list"));
            return false;
        }
    }
    return true;
}

} // namespace xenpp::config
