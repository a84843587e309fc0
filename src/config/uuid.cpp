// SPDX-License-Identifier: Apache-2.0
// UUIDs from and to text, and from the kernel's random numbers.
#include <xenpp/config/uuid.hpp>

#include <sys/random.h>

#include <cerrno>

namespace xenpp::config {
namespace {

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char const lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool is_group_start(std::size_t byte) noexcept {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

} // namespace

std::optional<uuid> parse_uuid(std::string_view text) noexcept {
    bool const has_hyphens = text.size() == 36;
    if (!has_hyphens && text.size() != 32) {
        return std::nullopt;
    }
    uuid id{};
    for (std::size_t i = 0; i < id.size(); ++i) {
        if (has_hyphens && is_group_start(i)) {
            if (text[0] != '-') {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
        int const high = digit(text[0]);
        int const low = digit(text[1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        id[i] = static_cast<std::uint8_t>(high << 4 | low);
        text.remove_prefix(2);
    }
    return id;
}

std::string format(uuid const& id) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < id.size(); ++i) {
        if (is_group_start(i)) {
            out += '-';
        }
        out += digits[id[i] >> 4];
        out += digits[id[i] & 15];
    }
    return out;
}

uuid random_uuid() {
    uuid id{};
    // Sixteen bytes come whole or not at all; only a signal before the pool is ready interrupts.
    while (::getrandom(id.data(), id.size(), 0) < 0 && errno == EINTR) {
    }
    id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x40);
    id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
    return id;
}

} // namespace xenpp::config
