// SPDX-License-Identifier: Apache-2.0
// How a hosted error is put into words.
#include <xenpp/base/error.hpp>
#include <xenpp/base/printable.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace xenpp {

namespace {

/// How many bytes the character has at the front of `text`; 0: it is not to be shown.
std::size_t size_of_character(std::string_view text) noexcept {
    auto const at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const first = at(0);
    if (first < 0x80) {
        return (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\t' ? 1 : 0;
    }
    std::size_t const size = first < 0xc2   ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
    if (size == 0 || text.size() < size) {
        return 0;
    }
    for (std::size_t i = 1; i != size; ++i) {
        if ((at(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    // More control characters, and what could be written shorter.
    bool const is_bad =
        ((first == 0xc2 || first == 0xe0) && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
    return is_bad ? 0 : size;
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        auto const size = size_of_character(text);
        if (size == 0) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

std::string error::message() const {
    std::string out(operation);
    if (domid >= 0) {
        out += fmt::format(" (domain {})", domid);
    }
    if (!detail.empty()) {
        out += ": " + printable(detail);
    }
    if (code != 0) {
        out += fmt::format(": {} (errno {})", std::strerror(code),
                           code); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    }
    return out;
}

unexpected<error> fail(std::string_view operation, int code, std::string detail) {
    return unexpected(error{operation, code, std::move(detail)});
}

unexpected<error> fail(std::string_view operation, errc code, std::string detail) {
    return fail(operation, static_cast<int>(code), std::move(detail));
}

unexpected<error> fail(std::string_view operation, std::string detail) {
    return unexpected(error{operation, 0, std::move(detail)});
}

} // namespace xenpp
