// SPDX-License-Identifier: Apache-2.0
// What a multiboot2 loader (GRUB) tells: a list of tags (specification 2.0, 3.6).
#include "boot/boot_info.hpp"
#include "platform/layout.hpp"

#include <xenpp/base/strong.hpp>

#include <cstring>

namespace xenpp::image {

namespace {

enum class tag : std::uint32_t {
    end = 0,
    command_line = 1,
    module = 3,
    memory_map = 6,
    acpi_old = 14, ///< a copy of the root pointer of ACPI 1.0
    acpi_new = 15, ///< of a later one
};

struct tag_header {
    tag type;
    std::uint32_t size; ///< with this header, without what aligns the next tag to 8
};

struct module_tag {
    tag_header header;
    std::uint32_t start, end; ///< its text follows
};

struct memory_map_tag {
    tag_header header;
    std::uint32_t entry_size, entry_version; ///< the entries follow
};

struct memory_map_entry {
    std::uint64_t base, size;
    std::uint32_t type, reserved;
};

constexpr std::uint32_t available_ram = 1;

template <class T>
T read_at(std::uint64_t physical) noexcept {
    T t;
    std::memcpy(&t, direct_map(physical), sizeof t);
    return t;
}

void read_memory_map(std::uint64_t at, boot_info& out) noexcept {
    auto const map = read_at<memory_map_tag>(at);
    if (map.entry_size < sizeof(memory_map_entry)) {
        return;
    }
    for (std::uint64_t e = sizeof map; e + map.entry_size <= map.header.size; e += map.entry_size) {
        auto const entry = read_at<memory_map_entry>(at + e);
        if (entry.type == available_ram && !add_ram(out, entry.base, entry.size)) {
            return;
        }
    }
}

} // namespace

bool read_multiboot2(std::uint64_t information, boot_info& out) noexcept {
    auto const total = read_at<std::uint32_t>(information);
    constexpr std::uint32_t most = 1U << 20;
    if ((information & 7) != 0 || total < 8 || total > most) {
        return false;
    }
    std::uint64_t const from = information & page_mask;
    out.information = {from, ((information + total + page_size - 1) & page_mask) - from};
    for (std::uint64_t at = information + 8; at + sizeof(tag_header) <= information + total;) {
        auto const header = read_at<tag_header>(at);
        switch (header.type) {
        case tag::end: return true;
        case tag::command_line: out.command_line = text_at(at + sizeof header); break;
        case tag::module: {
            auto const m = read_at<module_tag>(at);
            add_module(out, m.start, m.end - m.start, text_at(at + sizeof m));
            break;
        }
        case tag::memory_map: read_memory_map(at, out); break;
        case tag::acpi_old: out.rsdp = out.rsdp == 0 ? at + sizeof header : out.rsdp; break;
        case tag::acpi_new: out.rsdp = at + sizeof header; break;
        default: break;
        }
        if (header.size < sizeof header) {
            return false;
        }
        at += (header.size + 7U) & ~7U;
    }
    return false;
}

} // namespace xenpp::image
