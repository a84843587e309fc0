// SPDX-License-Identifier: Apache-2.0
// xen.cfg line by line, and the choice of a section.
#include "config/text_file.hpp"
#include "config/text_scanner.hpp"

#include <xenpp/config/xen_config.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace xenpp::config {
namespace {

constexpr std::string_view blanks = " \t";

/// A key, where it is looked up, and its member; `default` has none.
struct xen_key {
    std::string_view key;
    std::string xen_boot::*member;
    bool is_in_section; ///< looked up in the chosen section
    bool is_in_global;  ///< and in [global], where the section has it not
};

// clang-format off
constexpr std::array keys{
    xen_key{"default", nullptr,            false, true},
    xen_key{"chain",   &xen_boot::chain,   false, true},
    xen_key{"kernel",  &xen_boot::kernel,  true,  false},
    xen_key{"ramdisk", &xen_boot::ramdisk, true,  false},
    xen_key{"xsm",     &xen_boot::xsm,     true,  false},
    xen_key{"options", &xen_boot::options, true,  false},
    xen_key{"video",   &xen_boot::video,   true,  true},
    xen_key{"ucode",   &xen_boot::ucode,   true,  true},
    xen_key{"dtb",     &xen_boot::dtb,     true,  true},
};
// clang-format on

constexpr std::string_view key_words = "default|chain|kernel|ramdisk|xsm|options|video|ucode|dtb";

struct xen_line {
    std::string_view section; ///< of a header
    std::string_view key;     ///< of a setting
    std::string_view value;
    source_span where;
};

std::string_view trim_left(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

std::string_view trim_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

class xen_file {
public:
    xen_file(std::string_view text, std::string_view name, dialect d)
        : is_exact_(d == dialect::exact) {
        source_.sources.push_back({std::string(name), std::string(text)});
        split();
    }

    expected<loaded_xen_boot, diagnostics> choose(std::string_view wanted) {
        std::string const section(wanted.empty() ? find("global", "default") : wanted);
        if (!section.empty() && !has_section(section)) {
            report(section_span(wanted.empty()), severity::error,
                   fmt::format("there is no section [{}]", section), section_names());
            return unexpected(std::move(found_));
        }
        loaded_xen_boot out;
        out.section = section;
        for (auto const& k : keys) {
            if (k.member == nullptr) {
                continue;
            }
            std::string_view v = k.is_in_section || section.empty() ? find(section, k.key) : "";
            if (v.empty() && k.is_in_global) {
                v = find("global", k.key);
            }
            out.*k.member = v;
        }
        report_unreached(section);
        if (out.kernel.empty() == false) {
            out.chain.clear();
        }
        if (found_.has_errors()) {
            return unexpected(std::move(found_));
        }
        out.warnings = std::move(found_);
        return out;
    }

private:
    /// The first setting of `key` in the first section of that name; without one, in the file.
    std::string_view find(std::string_view section, std::string_view key) const {
        bool is_inside = section.empty();
        for (auto const& l : lines_) {
            if (!l.section.empty()) {
                if (is_inside && !section.empty()) {
                    break;
                }
                is_inside = section.empty() || l.section == section;
            } else if (is_inside && l.key == key) {
                return l.value;
            }
        }
        return {};
    }

    bool has_section(std::string_view name) const {
        return std::any_of(lines_.begin(), lines_.end(),
                           [name](xen_line const& l) { return l.section == name; });
    }

    std::string section_names() const {
        std::string out;
        for (auto const& l : lines_) {
            if (!l.section.empty() && l.section != "global") {
                out += fmt::format("{}{}", out.empty() ? "there are: " : ", ", l.section);
            }
        }
        return out;
    }

    source_span section_span(bool is_default) const {
        for (auto const& l : lines_) {
            if (is_default && l.key == "default") {
                return l.where;
            }
        }
        return {};
    }

    void report(source_span where, severity s, std::string message, std::string hint = {}) {
        if (found_.wants(s)) {
            found_.items.push_back(
                make_diagnostic(source_, where, s, std::move(message), std::move(hint)));
        }
    }

    void split() {
        std::string_view const text = source_.sources.front().text;
        std::uint32_t line = 1;
        for (std::size_t begin = 0; begin < text.size();) {
            auto const is_end = [this](char c) {
                return is_exact_ ? static_cast<unsigned char>(c) < 0x20 : c == '\n';
            };
            auto const stop =
                std::find_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), is_end);
            auto const end = static_cast<std::size_t>(stop - text.begin());
            if (is_exact_ && end == text.size()) {
                report(
                    {0, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), line},
                    severity::warning, "Xen passes over a last line without newline");
                break;
            }
            read_line(text.substr(begin, end - begin), begin, line);
            line += end < text.size() && text[end] == '\n' ? 1U : 0U;
            begin = end + 1;
        }
    }

    void read_line(std::string_view text, std::size_t offset, std::uint32_t line) {
        auto body = text.substr(0, text.find('#'));
        if (!is_exact_) { // carriage returns of other systems' line ends
            body = body.substr(0, body.find_last_not_of(" \t\r") + 1);
        }
        auto const rest = trim_left(body);
        if (rest.empty() || rest.front() == ';') {
            return;
        }
        auto const begin = static_cast<std::uint32_t>(offset + (body.size() - rest.size()));
        source_span where{0, begin, begin + static_cast<std::uint32_t>(rest.size()), line};
        if (rest.front() == '[') {
            auto const close = rest.find(']');
            if (close == std::string_view::npos || close == 1) {
                report(where, severity::warning, "a section is written [NAME]");
                return;
            }
            lines_.push_back({rest.substr(1, close - 1), {}, {}, where});
            return;
        }
        auto const equals = rest.find('=');
        if (equals == std::string_view::npos) {
            report(where, severity::warning, "expected `KEY=VALUE`, `[SECTION]` or a comment",
                   "the line has no effect");
            return;
        }
        auto const key = is_exact_ ? rest.substr(0, equals) : trim_right(rest.substr(0, equals));
        auto const value = trim_left(rest.substr(equals + 1));
        where.end = begin + static_cast<std::uint32_t>(key.size());
        if (word_index(key_words, key) < 0) {
            auto const meant = nearest(key, split_words(key_words));
            report(where, severity::warning, fmt::format("unknown key `{}`", key),
                   meant.empty() ? "" : fmt::format("did you mean `{}`?", meant));
        }
        lines_.push_back({{}, key, value, where});
    }

    /// Settings that no look-up finds.
    void report_unreached(std::string_view chosen) {
        std::string_view section;
        std::vector<std::string_view> seen;
        for (auto const& l : lines_) {
            if (!l.section.empty()) {
                section = l.section;
                seen.clear();
                continue;
            }
            bool const is_again = std::find(seen.begin(), seen.end(), l.key) != seen.end();
            if (is_again && (section == chosen || section == "global")) {
                report(l.where, severity::warning,
                       fmt::format("`{}` is set again; the first value holds", l.key));
            }
            seen.push_back(l.key);
            auto const k = std::find_if(keys.begin(), keys.end(),
                                        [&l](xen_key const& row) { return row.key == l.key; });
            if (k != keys.end() && section == "global" && !k->is_in_global && !chosen.empty()) {
                report(l.where, severity::warning,
                       fmt::format("`{}` has no effect in [global]", l.key),
                       "set it in the section that is booted");
            }
        }
    }

    bool is_exact_;
    file source_;
    std::vector<xen_line> lines_;
    diagnostics found_;
};

} // namespace

expected<loaded_xen_boot, diagnostics> parse_xen_config(std::string_view text,
                                                        std::string_view file_name,
                                                        std::string_view section,
                                                        dialect d) {
    return xen_file(text, file_name, d).choose(section);
}

expected<loaded_xen_boot, diagnostics>
load_xen_config(std::string const& path, std::string_view section, dialect d) {
    return parse_xen_config(XENPP_TRY(read_text_file(path)), path, section, d);
}

std::string print(xen_boot const& b) {
    std::string out;
    auto const name = b.section.empty() ? std::string("xen") : b.section;
    out += fmt::format("[global]\ndefault={}\n", name);
    if (!b.chain.empty()) {
        out += fmt::format("chain={}\n", b.chain);
    }
    out += fmt::format("\n[{}]\n", name);
    for (auto const& k : keys) {
        if (k.member != nullptr && k.is_in_section && !(b.*k.member).empty()) {
            out += fmt::format("{}={}\n", k.key, b.*k.member);
        }
    }
    return out;
}

std::string config_dir() {
    char const* const v = std::getenv("XENPP_CONFIG_DIR"); // NOLINT(concurrency-mt-unsafe): read
    return v != nullptr && *v != '\0' ? v : "/etc/xen";
}

} // namespace xenpp::config
