// SPDX-License-Identifier: Apache-2.0
// A hand scanner of disk specifications, which decides as Xen's longest-match one does.
#include "config/disk_words.hpp"

#include <xenpp/config/disk_spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <span>

namespace xenpp::config {
namespace {

using dev::disk_backend_type;
using dev::disk_format;

constexpr std::string_view blanks = " \t\n";

bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// "raw, qcow2, vhd".
template <class Words>
std::string list(Words const& words) {
    std::string out;
    for (auto const& w : words) {
        if (!w.text.empty()) {
            out += fmt::format("{}{}", out.empty() ? "" : ", ", w.text);
        }
    }
    return out;
}

/// A value that may be said twice if it is the same both times.
template <class T>
class once {
public:
    bool set(T v) {
        bool const is_good = !value_ || *value_ == v;
        value_ = std::move(v);
        return is_good;
    }

    bool is_set() const noexcept { return value_.has_value(); }

    T value_or(T other) const { return value_.value_or(std::move(other)); }

private:
    std::optional<T> value_;
};

/// A text that may be said again only if it was empty before.
class once_text {
public:
    bool set(std::string_view v) {
        bool const is_good = !value_ || value_->empty();
        value_ = v;
        return is_good;
    }

    bool is_set() const noexcept { return value_.has_value(); }

    std::string text() const { return value_.value_or(""); }

private:
    std::optional<std::string> value_;
};

class disk_parser {
public:
    disk_parser(std::string_view text, dialect d) : text_(text), is_exact_(d == dialect::exact) {}

    expected<disk_spec, disk_spec_error> parse() {
        while (at_ != text_.size() && !error_) {
            step();
        }
        if (!error_) {
            finish();
        }
        return error_ ? expected<disk_spec, disk_spec_error>(unexpected(*std::move(error_)))
                      : std::move(spec_);
    }

private:
    std::string_view rest() const noexcept { return text_.substr(at_); }

    void fail(std::size_t length, std::string reason, std::string hint = {}) {
        if (!error_) {
            error_ = disk_spec_error{at_, std::max<std::size_t>(length, 1), std::move(reason),
                                     std::move(hint)};
        }
    }

    void warn(std::string text) { spec_.warnings.push_back(std::move(text)); }

    /// Where the line that holds the byte at `from` ends.
    std::size_t line_end(std::size_t from) const noexcept {
        return std::min(rest().find('\n', from), rest().size());
    }

    /// Of the rules of Xen 4.17's scanner the one wins that matches most: some end at a line's
    /// end, a parameter by position does not.
    bool is_outdone(std::size_t length) const noexcept {
        auto const end = std::min(rest().find_first_of("=,"), rest().size());
        return is_exact_ && end + (end < rest().size() && rest()[end] == ',' ? 1 : 0) > length;
    }

    void step() {
        auto const n = std::min(rest().find_first_not_of(blanks), rest().size());
        if (n != 0 && !is_outdone(line_end(n))) {
            at_ += n;
        } else if (rest().starts_with("target=")) {
            target();
        } else if (!prefix() && !named() && !flag()) {
            positional();
        }
    }

    /// The rest of the line, commas and blanks included.
    void target() {
        auto const line = rest().substr(0, rest().find('\n'));
        auto value = line.substr(line.find('=') + 1);
        if (value.ends_with(',')) {
            value.remove_suffix(1);
        }
        if (!target_.set(value)) {
            fail(line.size(), "the target is given twice");
        }
        at_ += line.size();
    }

    /// A deprecated "NAME:" in front of a parameter.
    bool prefix() {
        std::size_t n = 0;
        while (n < rest().size() && (is_lower(rest()[n]) || (n != 0 && is_digit(rest()[n])))) {
            ++n;
        }
        if (n == 0 || n == rest().size() || rest()[n] != ':') {
            return false;
        }
        auto const name = rest().substr(0, n);
        auto const behind = rest().substr(n + 1);
        constexpr std::array<std::string_view, 4> of_format{"raw", "qcow", "qcow2", "vhd"};
        constexpr std::array<std::string_view, 4> of_script{"iscsi", "nbd", "enbd", "drbd"};
        constexpr std::array<std::string_view, 7> of_nothing{"tapdisk", "tap",  "tap2", "aio",
                                                             "ioemu",   "file", "phy"};
        auto const is_one = [name](auto const& words) {
            return std::ranges::find(words, name) != words.end();
        };
        bool const at_line_end = behind.starts_with('\n');
        if (is_outdone(line_end(at_line_end ? n + 2 : n + 1))) {
            return false;
        }
        if (at_line_end && is_exact_) {
            fail(n + 1, fmt::format("Xen 4.17 knows no prefix `{}:` before a line's end", name));
            return true;
        }
        if (is_one(of_format)) {
            warn(fmt::format("the prefix `{0}:` is deprecated: write format={0}", name));
            set_format(name, n);
        } else if (is_one(of_script)) {
            if (!is_exact_ && name == "nbd" && behind.starts_with("//")) {
                return false; // an NBD URI; no script could make anything of it
            }
            warn(fmt::format("the prefix `{0}:` is deprecated: write script=block-{0}", name));
            set_text(script_, fmt::format("block-{}", name), "script", n);
        } else if (is_one(of_nothing)) {
            warn(fmt::format("the prefix `{}:` is deprecated and has no effect", name));
        } else if (behind.empty() || !(is_lower(behind.front()) || is_digit(behind.front()))) {
            if (!is_exact_ && behind.starts_with("//")) {
                return false; // a URI
            }
            fail(n + 1, fmt::format("`{}:` is no prefix", name),
                 "write target=... in front of a path that holds a colon");
        } else {
            return false;
        }
        has_prefix_ = true;
        at_ += n + 1;
        return true;
    }

    /// KEY=VALUE.
    bool named() {
        std::size_t n = 0;
        while (n < rest().size() &&
               (is_lower(rest()[n]) || (n != 0 && (is_digit(rest()[n]) || rest()[n] == '-')))) {
            ++n;
        }
        if (n == 0 || n == rest().size() || rest()[n] != '=') {
            return false;
        }
        auto const key = rest().substr(0, n);
        auto const length = std::min(rest().find(','), rest().size());
        if (is_exact_ && length == n + 1 && !is_key(key)) {
            return false; // Xen 4.17 wants a character to call it an unknown parameter
        }
        set_named(key, rest().substr(n + 1, length - n - 1), length);
        at_ += std::min(length + 1, rest().size());
        return true;
    }

    /// All words, or the first ones, which Xen's xl knows.
    template <class Words>
    auto known(Words const& words, std::size_t of_xen) const {
        return std::span(words).first(is_exact_ ? of_xen : words.size());
    }

    void set_named(std::string_view key, std::string_view value, std::size_t length) {
        if (key == "format") {
            set_format(value, length);
        } else if (key == "vdev") {
            set_text(vdev_, value, key, length);
        } else if (key == "access") {
            set_access(value, length);
        } else if (key == "devtype") {
            set_devtype(value, length);
        } else if (key == "backend") {
            set_text(backend_, value, key, length);
        } else if (key == "backendtype") {
            set_word(backend_type_, known(backend_types, backend_types_of_xen), key, value, length);
        } else if (key == "specification") {
            set_word(specification_, specifications, key, value, length);
        } else if (key == "script") {
            set_text(script_, value, key, length);
        } else if (is_colo_key(key)) {
            set_colo(key, value, length);
        } else {
            fail(length, fmt::format("`{}` is no parameter of a disk", key),
                 "a path that holds `=` is written target=PATH, as the last parameter");
        }
    }

    static bool is_colo_key(std::string_view key) noexcept {
        return key == "colo-host" || key == "colo-port" || key == "colo-export" ||
               key == "active-disk" || key == "hidden-disk";
    }

    static bool is_key(std::string_view key) noexcept {
        constexpr std::array<std::string_view, 7> others{
            "format", "vdev", "access", "devtype", "backend", "backendtype", "specification"};
        return key == "script" || is_colo_key(key) ||
               std::ranges::find(others, key) != others.end();
    }

    /// COLO replicates a running domain to a second host; its disks are of no use without.
    void refuse_colo(std::size_t length) {
        fail(length, "COLO is not supported", "leave out the parameters of COLO");
    }

    void set_colo(std::string_view key, std::string_view value, std::size_t length) {
        if (!is_exact_) {
            refuse_colo(length);
        } else if (key == "colo-port") {
            // atoi's value: nothing that is 0 is a port
            spec_.colo.port =
                static_cast<int>(std::strtol(std::string(value).c_str(), nullptr, 10));
            if (spec_.colo.port == 0) {
                fail(length, fmt::format("\"{}\" is no port", value));
            }
        } else {
            auto& to = key == "colo-host"     ? colo_host_
                       : key == "colo-export" ? colo_export_
                       : key == "active-disk" ? active_disk_
                                              : hidden_disk_;
            set_text(to, value, key, length);
        }
    }

    bool flag() {
        auto const length = std::min(rest().find_first_of(is_exact_ ? "=," : ","), rest().size());
        auto const name = rest().substr(0, length);
        if (name == "cdrom") {
            is_cdrom_ = true;
        } else if (name == "direct-io-safe") {
            spec_.disk.direct_io_safe = true;
        } else if (name == "discard" || name == "no-discard") {
            spec_.disk.discard = name == "discard";
        } else if (name == "colo" && !is_exact_) {
            refuse_colo(length);
        } else if (name == "colo" || name == "no-colo") {
            spec_.colo.is_on = name == "colo";
        } else {
            return false;
        }
        at_ += length;
        if (rest().starts_with(',')) {
            ++at_;
        }
        return true;
    }

    void positional() {
        auto const length = std::min(rest().find_first_of("=,"), rest().size());
        bool const is_cut = length < rest().size() && rest()[length] == '=';
        if (is_cut && length == 0 && is_exact_ && rest().size() == 1) {
            ++at_; // Xen 4.17 passes over one at the very end
            return;
        }
        if (is_cut && length == 0) {
            fail(1, "a parameter begins with `=`");
            return;
        }
        auto const value = rest().substr(0, length);
        if (!target_.is_set()) {
            target_.set(value);
        } else if (!has_prefix_ && !format_.is_set() && !is_empty_drive(value)) {
            set_format(value, length);
        } else if (!vdev_.is_set()) {
            if (!has_prefix_ && !format_.is_set()) {
                format_.set(disk_format::empty);
            }
            positional_vdev(value, length);
        } else if (!has_positional_access_) {
            has_positional_access_ = true;
            set_access(value, length);
        } else {
            fail(length, fmt::format("\"{}\" is one parameter too many", value),
                 "by position there are target, format, vdev and access");
        }
        at_ += length;
        if (is_cut && is_exact_ && rest().size() == 1) {
            ++at_;
        } else if (is_cut) {
            fail(1, "a value by position holds no `=`",
                 "a path that holds one is written target=PATH, as the last parameter");
        } else if (at_ != text_.size()) {
            ++at_; // the comma
        }
    }

    /// ",hdc:cdrom": what stands behind an empty target is the vdev if it has a devtype.
    bool is_empty_drive(std::string_view value) const {
        return target_.text().empty() && value.find(':') != value.npos;
    }

    void positional_vdev(std::string_view value, std::size_t length) {
        auto const colon = value.rfind(':');
        if (colon == value.npos) {
            set_text(vdev_, value, "vdev", length);
            return;
        }
        auto const type = value.substr(colon + 1);
        warn(fmt::format("`:{0}` behind the vdev is deprecated: write devtype={0}", type));
        set_devtype(type, length);
        set_text(vdev_, value.substr(0, colon), "vdev", length);
    }

    void set_text(once_text& to, std::string_view value, std::string_view key, std::size_t length) {
        if (!to.set(value)) {
            fail(length, fmt::format("{} is given twice", key));
        }
    }

    template <class T, class Words>
    void set_word(once<T>& to,
                  Words const& words,
                  std::string_view key,
                  std::string_view value,
                  std::size_t length) {
        auto const found =
            std::ranges::find_if(words, [value](auto const& w) { return w.text == value; });
        if (found == words.end()) {
            fail(length, fmt::format("\"{}\" is no value of {}", value, key),
                 fmt::format("it takes {}", list(words)));
        } else if (!to.set(found->value)) {
            fail(length, fmt::format("{} is given twice, and differs", key));
        }
    }

    void set_format(std::string_view value, std::size_t length) {
        set_word(format_, known(formats, formats_of_xen), "format", value, length);
    }

    /// The one parameter that Xen's xl lets be said again: the last counts.
    void set_access(std::string_view value, std::size_t length) {
        auto const found =
            std::ranges::find_if(accesses, [value](auto const& w) { return w.text == value; });
        if (found == accesses.end()) {
            fail(length, fmt::format("\"{}\" is no value of access", value),
                 fmt::format("it takes {}", list(accesses)));
            return;
        }
        if (is_read_only_ && *is_read_only_ != found->value) {
            warn(fmt::format("access is given twice; the last, {}, counts",
                             found->value ? "ro" : "rw"));
        }
        is_read_only_ = found->value;
    }

    void set_devtype(std::string_view value, std::size_t length) {
        if (value == "cdrom" || value == "disk") {
            is_cdrom_ = value == "cdrom";
        } else {
            fail(length, fmt::format("\"{}\" is no value of devtype", value),
                 "it takes cdrom, disk");
        }
    }

    void finish() {
        auto& d = spec_.disk;
        d.target = target_.text();
        d.format = format_.value_or(disk_format::raw);
        d.vdev = vdev_.text();
        d.is_cdrom = is_cdrom_;
        d.is_read_only = is_cdrom_ || is_read_only_.value_or(false);
        d.backend_domain = backend_.text();
        d.backend_type = backend_type_.value_or(disk_backend_type::automatic);
        d.script = script_.text();
        spec_.colo.host = colo_host_.text();
        spec_.colo.export_name = colo_export_.text();
        spec_.colo.active_disk = active_disk_.text();
        spec_.colo.hidden_disk = hidden_disk_.text();
        if (is_exact_ && specification_.is_set()) {
            spec_.is_virtio = specification_.value_or(false);
        }
        if (is_cdrom_ && d.target.empty()) {
            d.format = disk_format::empty;
        }
        if (!vdev_.is_set()) {
            bool const is_swallowed = target_.text().find(',') != std::string_view::npos;
            fail(1, "the disk has no vdev",
                 is_swallowed ? "target= takes all that follows it, commas too: write it last"
                              : "add vdev=xvda, or another name");
        } else if (!target_.is_set() && !is_cdrom_) {
            fail(1, "the disk has no target", "add target=PATH");
        } else if (!is_exact_ && specification_.value_or(false)) {
            fail(1, "disks of virtio's specification are not supported",
                 "leave out specification=virtio");
        }
    }

    std::string_view text_;
    bool is_exact_;
    std::size_t at_ = 0;
    std::optional<disk_spec_error> error_;
    disk_spec spec_;
    once_text target_, vdev_, backend_, script_;
    once_text colo_host_, colo_export_, active_disk_, hidden_disk_;
    once<disk_format> format_;
    std::optional<bool> is_read_only_;
    once<bool> specification_;
    once<disk_backend_type> backend_type_;
    bool is_cdrom_ = false;
    bool has_prefix_ = false;
    bool has_positional_access_ = false;
};

} // namespace

expected<disk_spec, disk_spec_error> parse_disk_spec(std::string_view text, dialect d) {
    return disk_parser(text, d).parse();
}

} // namespace xenpp::config
