// SPDX-License-Identifier: Apache-2.0
// Names and numbers of virtual block devices (Xen: xen-vbd-interface(7)).
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/vbd/config.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace xenpp::dev {

namespace {

constexpr std::uint32_t xvd_major = 202;
constexpr std::uint32_t sd_major = 8;
constexpr std::uint32_t first_hd_major = 3;
constexpr std::uint32_t second_hd_major = 22;
constexpr std::uint32_t extended = 1U << 28;
constexpr std::uint32_t most_disks = (1U << 20) - 1;

struct place {
    std::uint32_t disk;
    std::uint32_t partition; ///< 0: the whole disk
};

/// All of `text` as a decimal number without needless zeros, at most `most`.
std::optional<std::uint32_t> small_number(std::string_view text, std::uint32_t most) noexcept {
    auto const n = parse_number<std::uint32_t>(text);
    bool const is_good = n && *n <= most && (text.size() == 1 || text.front() != '0');
    return is_good ? n : std::nullopt;
}

/// PREFIX, letters (a is 0, z is 25, aa is 26), then a partition.
std::optional<place> by_letters(std::string_view text,
                                std::string_view prefix,
                                std::uint32_t most_disk,
                                std::uint32_t most_partition) noexcept {
    if (!text.starts_with(prefix)) {
        return std::nullopt;
    }
    text.remove_prefix(prefix.size());
    std::uint32_t disk = 0;
    std::size_t n = 0;
    for (; n < text.size() && text[n] >= 'a' && text[n] <= 'z'; ++n) {
        disk = disk * 26 + static_cast<std::uint32_t>(text[n] - 'a') + 1;
        if (disk - 1 > most_disk) {
            return std::nullopt;
        }
    }
    text.remove_prefix(n);
    if (n == 0) {
        return std::nullopt;
    }
    if (text.empty()) {
        return place{disk - 1, 0};
    }
    auto const partition = small_number(text, most_partition);
    return partition && *partition != 0 ? std::optional(place{disk - 1, *partition}) : std::nullopt;
}

/// dN or dNpM.
std::optional<place> by_numbers(std::string_view text) noexcept {
    constexpr std::uint32_t most_partition = 255;
    if (!text.starts_with('d')) {
        return std::nullopt;
    }
    auto const p = text.find('p');
    auto const disk = small_number(text.substr(1, p == text.npos ? p : p - 1), most_disks);
    auto const partition = p == text.npos ? std::optional(std::uint32_t{0})
                                          : small_number(text.substr(p + 1), most_partition);
    return disk && partition ? std::optional(place{*disk, *partition}) : std::nullopt;
}

constexpr std::array<std::string_view, 9> formats{
    "raw", "qcow", "qcow2", "vhd", "qed", "empty", "vmdk", "vdi", "vhdx",
};
constexpr std::array<std::string_view, 6> backend_types{"",      "phy",        "tap",
                                                        "qdisk", "standalone", "xenpp"};

} // namespace

std::optional<std::uint32_t> parse_vdev(std::string_view text) noexcept {
    auto xvd = by_letters(text, "xvd", most_disks, 255);
    if (!xvd) {
        xvd = by_numbers(text);
    }
    if (xvd && xvd->disk < 16 && xvd->partition < 16) {
        return xvd_major << 8 | xvd->disk << 4 | xvd->partition;
    }
    if (xvd) {
        return extended | xvd->disk << 8 | xvd->partition;
    }
    if (auto const hd = by_letters(text, "hd", 3, 63)) {
        auto const major = hd->disk < 2 ? first_hd_major : second_hd_major;
        return major << 8 | (hd->disk & 1) << 6 | hd->partition;
    }
    if (auto const sd = by_letters(text, "sd", 15, 15)) {
        return sd_major << 8 | sd->disk << 4 | sd->partition;
    }
    if (!text.starts_with("0x")) {
        return small_number(text, INT32_MAX);
    }
    auto const n = parse_number<std::uint32_t>(text.substr(2), 16);
    return n && *n <= INT32_MAX ? n : std::nullopt;
}

std::string vdev_name(std::uint32_t number) {
    std::uint32_t disk = 0;
    std::uint32_t partition = 0;
    std::string_view prefix = "xvd";
    if ((number & extended) != 0) {
        disk = (number & ~extended) >> 8;
        partition = number & 0xff;
    } else if (number >> 8 == xvd_major || number >> 8 == sd_major) {
        prefix = number >> 8 == sd_major ? "sd" : "xvd";
        disk = number >> 4 & 0xf;
        partition = number & 0xf;
    } else if (number >> 8 == first_hd_major || number >> 8 == second_hd_major) {
        prefix = "hd";
        disk = (number >> 8 == second_hd_major ? 2U : 0U) + (number >> 6 & 1);
        partition = number & 0x3f;
        if ((number & 0x80) != 0) {
            return std::to_string(number);
        }
    } else {
        return std::to_string(number);
    }
    std::string letters;
    for (auto n = disk + 1; n != 0; n = (n - 1) / 26) {
        letters.insert(letters.begin(), static_cast<char>('a' + (n - 1) % 26));
    }
    return fmt::format("{}{}{}", prefix, letters,
                       partition != 0 ? std::to_string(partition) : std::string());
}

std::string_view to_string(disk_format f) noexcept {
    return formats[static_cast<std::size_t>(f)];
}

std::string_view to_string(disk_backend_type t) noexcept {
    return backend_types[static_cast<std::size_t>(t)];
}

std::string_view libxl_word(disk_backend_type t) noexcept {
    return to_string(t == disk_backend_type::xenpp ? disk_backend_type::qdisk : t);
}

} // namespace xenpp::dev
