// SPDX-License-Identifier: Apache-2.0
// Lines for the hypervisor's console: into the message buffer and out of the serial port.
#pragma once

#include <xenpp/base/strong.hpp>
#include <xenpp/hv/platform.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xenpp::hv {

template <class P>
class hypervisor;

/// A number to be printed in hexadecimal.
struct hex {
    std::uint64_t value;
};

/// A line that is put together in place. What does not fit is cut off.
class line_buffer {
public:
    void add(std::string_view text) noexcept {
        for (char const c : text) {
            if (size_ < text_.size()) {
                text_[size_++] = c;
            }
        }
    }

    void add(std::unsigned_integral auto n) noexcept { add_number(n, 10); }

    void add(std::signed_integral auto n) noexcept {
        if (n < 0) {
            add("-");
        }
        auto const u = static_cast<std::uint64_t>(n);
        add_number(n < 0 ? 0 - u : u, 10);
    }

    void add(hex h) noexcept {
        add("0x");
        add_number(h.value, 16);
    }

    template <class Tag, class Rep>
    void add(strong_id<Tag, Rep> id) noexcept {
        add_number(id.raw(), 10);
    }

    std::string_view text() const noexcept { return {text_.data(), size_}; }

private:
    void add_number(std::uint64_t n, unsigned base) noexcept {
        std::array<char, 20> digits{};
        std::size_t at = digits.size();
        do {
            digits[--at] = "0123456789abcdef"[n % base];
            n /= base;
        } while (n != 0);
        add({digits.data() + at, digits.size() - at});
    }

    std::array<char, 192> text_{};
    std::size_t size_ = 0;
};

/// Prints "(XEN) " and the parts (text, integers, `hex`, identifiers) as one line.
template <class P, class... Part>
void print(hypervisor<P>& hv, Part const&... part) noexcept {
    line_buffer line;
    line.add("(XEN) ");
    (line.add(part), ...);
    line.add("\n");
    hv.console.append(line.text());
    hv.platform.console_write(line.text());
}

/// Prints a line that a guest wrote, with its domain's number instead of "(XEN)".
template <class P>
void print_guest_line(hypervisor<P>& hv, domid id, std::string_view text) noexcept {
    line_buffer line;
    line.add("(d");
    line.add(id);
    line.add(") ");
    line.add(text);
    line.add("\n");
    hv.console.append(line.text());
    hv.platform.console_write(line.text());
}

} // namespace xenpp::hv
