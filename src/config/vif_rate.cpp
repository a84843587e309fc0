// SPDX-License-Identifier: Apache-2.0
// The `rate=` of a network spec.
#include <xenpp/base/checked.hpp>
#include <xenpp/config/vif_spec.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace xenpp::config {
namespace {

constexpr std::uint64_t bits_per_byte = 8;
constexpr std::uint64_t us_per_second = 1'000'000;
constexpr std::uint64_t default_interval_us = 50'000;

class scanner {
public:
    explicit scanner(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }

    char next() const { return at_end() ? '\0' : text_[at_]; }

    bool skip(char c) {
        bool const is_there = next() == c && c != '\0';
        at_ += is_there ? 1 : 0;
        return is_there;
    }

    /// Decimal, or octal after a zero.
    expected<std::uint64_t, vif_spec_note> number(char const* wanted) {
        std::size_t end = at_;
        while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') {
            ++end;
        }
        auto const digits = text_.substr(at_, end - at_);
        if (digits.empty()) {
            return fail(wanted);
        }
        std::uint64_t n = 0;
        int const base = digits.front() == '0' ? 8 : 10;
        auto const r = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
        if (r.ec != std::errc()) {
            return fail("the number is too large");
        }
        if (r.ptr != digits.data() + digits.size()) {
            return fail("a number that begins with 0 is octal, and this one has an 8 or a 9");
        }
        at_ = end;
        return n;
    }

    unexpected<vif_spec_note> fail(std::string reason) const {
        return unexpected(vif_spec_note{at_, std::move(reason)});
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

expected<std::uint64_t, vif_spec_note> bytes_per_second(scanner& in) {
    auto const n = XENPP_TRY(in.number("expected a rate such as 10Mb/s or 500KB/s"));
    std::uint64_t multiple = 1;
    if (in.skip('K')) {
        multiple = 1'000;
    } else if (in.skip('M')) {
        multiple = 1'000'000;
    } else if (in.skip('G')) {
        multiple = 1'000'000'000;
    }
    bool const is_bits = in.skip('b');
    if ((!is_bits && !in.skip('B')) || !in.skip('/') || !in.skip('s')) {
        return in.fail("expected B/s (bytes) or b/s (bits), perhaps with K, M or G before it");
    }
    auto const all = checked_mul(n, multiple);
    if (!all) {
        return in.fail("the rate is too large");
    }
    return is_bits ? *all / bits_per_byte : *all;
}

expected<std::uint64_t, vif_spec_note> interval_us(scanner& in) {
    auto const n = XENPP_TRY(in.number("expected an interval such as 20ms behind `@`"));
    std::uint64_t unit = us_per_second;
    if (in.skip('m')) {
        unit = 1'000;
    } else if (in.skip('u')) {
        unit = 1;
    }
    in.skip('s');
    auto const all = checked_mul(n, unit);
    if (!all || *all > std::numeric_limits<std::uint32_t>::max()) {
        return in.fail("the interval is too long: 4294 s is the most");
    }
    if (*all == 0) {
        return in.fail("the interval is zero");
    }
    return *all;
}

// As Xen 4.17 reads it: a number is C's, and what follows its octal part is not looked at again.

constexpr std::string_view digits = "0123456789";

bool matches_rate(std::string_view text) {
    auto const unit = text.substr(std::min(text.find_first_not_of(digits), text.size()));
    return unit.size() < text.size() &&
           (unit == "B/s" || unit == "b/s" ||
            (unit.size() == 4 && std::string_view("GMK").find(unit[0]) != unit.npos &&
             (unit[1] == 'B' || unit[1] == 'b') && unit.ends_with("/s")));
}

bool matches_interval(std::string_view text) {
    auto const unit = text.substr(std::min(text.find_first_not_of(digits), text.size()));
    return unit.size() < text.size() && (unit.empty() || unit == "s" || unit == "m" ||
                                         unit == "u" || unit == "ms" || unit == "us");
}

/// A number of at most 32 bits that is not 0, and what its base left unread.
std::optional<std::uint64_t> read_c_number(std::string_view& text) {
    std::uint64_t n = 0;
    auto const r =
        std::from_chars(text.data(), text.data() + text.size(), n, text.front() == '0' ? 8 : 10);
    text.remove_prefix(static_cast<std::size_t>(r.ptr - text.data()));
    bool const is_good =
        r.ec == std::errc() && n != 0 && n <= std::numeric_limits<std::uint32_t>::max();
    return is_good ? std::optional(n) : std::nullopt;
}

std::optional<std::uint64_t> exact_bytes_per_second(std::string_view text) {
    if (!matches_rate(text)) {
        return std::nullopt;
    }
    auto const n = read_c_number(text);
    if (!n) {
        return std::nullopt;
    }
    char const unit = text[0];
    std::uint64_t const multiple = unit == 'K'   ? 1'000
                                   : unit == 'M' ? 1'000'000
                                   : unit == 'G' ? 1'000'000'000
                                                 : 1;
    bool const is_bits = unit == 'b' || text[1] == 'b';
    return *n * multiple / (is_bits ? bits_per_byte : 1);
}

std::optional<std::uint64_t> exact_interval_us(std::string_view text) {
    if (!matches_interval(text)) {
        return std::nullopt;
    }
    auto const n = read_c_number(text);
    if (!n) {
        return std::nullopt;
    }
    std::uint64_t const unit = text.empty() || text[0] == 's' ? us_per_second
                               : text[0] == 'm'               ? 1'000
                                                              : 1;
    return *n * unit <= std::numeric_limits<std::uint32_t>::max() ? std::optional(*n * unit)
                                                                  : std::nullopt;
}

expected<dev::vif_rate, vif_spec_note> parse_exact_rate(std::string_view text) {
    auto const at = text.find('@');
    auto const per_second = exact_bytes_per_second(text.substr(0, at));
    auto const interval = at == text.npos ? std::optional(default_interval_us)
                                          : exact_interval_us(text.substr(at + 1));
    auto const bytes = per_second && interval ? checked_mul(*per_second, *interval) : std::nullopt;
    if (!bytes) {
        return unexpected(vif_spec_note{0, "Xen 4.17 does not read this as a rate"});
    }
    return dev::vif_rate{*bytes / us_per_second, static_cast<std::uint32_t>(*interval)};
}

} // namespace

expected<dev::vif_rate, vif_spec_note> parse_vif_rate(std::string_view text, dialect d) {
    if (d == dialect::exact) {
        return parse_exact_rate(text);
    }
    scanner in(text);
    auto const per_second = XENPP_TRY(bytes_per_second(in));
    auto interval = default_interval_us;
    if (in.skip('@')) {
        interval = XENPP_TRY(interval_us(in));
    }
    if (!in.at_end()) {
        return in.fail("the rate ends before this; an interval follows `@`");
    }
    auto const bytes = checked_mul(per_second, interval);
    if (!bytes) {
        return in.fail("the rate is too large for this interval");
    }
    if (*bytes < us_per_second) {
        return in.fail("less than one byte an interval: nothing could be sent");
    }
    return dev::vif_rate{*bytes / us_per_second, static_cast<std::uint32_t>(interval)};
}

} // namespace xenpp::config
