// SPDX-License-Identifier: Apache-2.0
// Reads boot information and the MADT; runs before any allocator.
#include "boot/boot_info.hpp"

#include "platform/layout.hpp"

#include <xenpp/abi/hvm/start_info.hpp>
#include <xenpp/base/strong.hpp>

#include <cstring>

namespace xenpp::image {

namespace {

template <class T>
T read_at(std::uint64_t physical) noexcept {
    T t;
    std::memcpy(&t, direct_map(physical), sizeof t);
    return t;
}

std::size_t bounded_length(char const* text, std::size_t most) noexcept {
    std::size_t n = 0;
    while (n < most && text[n] != '\0') {
        ++n;
    }
    return n;
}

struct [[gnu::packed]] table_header {
    std::array<char, 4> signature;
    std::uint32_t length;
    std::array<std::uint8_t, 28> rest;
};

static_assert(sizeof(table_header) == 36);

std::uint64_t find_table(std::uint64_t rsdp, std::string_view signature) noexcept {
    bool const has_xsdt = read_at<std::uint8_t>(rsdp + 15) >= 2;
    std::uint64_t const root =
        has_xsdt ? read_at<std::uint64_t>(rsdp + 24) : read_at<std::uint32_t>(rsdp + 16);
    unsigned const step = has_xsdt ? 8 : 4;
    auto const header = read_at<table_header>(root);
    for (std::uint32_t at = sizeof header; at + step <= header.length && at < 4096; at += step) {
        std::uint64_t const table =
            has_xsdt ? read_at<std::uint64_t>(root + at) : read_at<std::uint32_t>(root + at);
        auto const h = read_at<table_header>(table);
        if (std::string_view(h.signature.data(), 4) == signature) {
            return table;
        }
    }
    return 0;
}

} // namespace

bool add_ram(boot_info& info, std::uint64_t base, std::uint64_t size) noexcept {
    std::uint64_t const from = (base + page_size - 1) & page_mask;
    std::uint64_t const end = (base + size) & page_mask;
    if (end <= from) {
        return true;
    }
    if (info.ram_count == info.ram.size()) {
        return false;
    }
    info.ram[info.ram_count++] = {from, end - from};
    return true;
}

bool add_module(boot_info& info,
                std::uint64_t base,
                std::uint64_t size,
                std::string_view text) noexcept {
    if (info.module_count == info.modules.size()) {
        return false;
    }
    std::uint64_t const from = base & page_mask;
    std::uint64_t const end = (base + size + page_size - 1) & page_mask;
    info.modules[info.module_count++] = {{from, end - from}, base, size, text};
    return true;
}

std::string_view text_at(std::uint64_t physical) noexcept {
    auto const* const text = direct_map<char>(physical);
    return {text, bounded_length(text, 2048)};
}

bool read_pvh(std::uint64_t start_info, boot_info& out) noexcept {
    auto const info = read_at<abi::hvm_start_info>(start_info);
    if (info.magic != abi::hvm_start_magic_value || info.version < 1) {
        return false;
    }
    out.rsdp = info.rsdp_paddr;
    if (info.cmdline_paddr != 0) {
        out.command_line = text_at(info.cmdline_paddr);
    }
    for (std::uint32_t i = 0; i < info.memmap_entries; ++i) {
        auto const e = read_at<abi::hvm_memmap_table_entry>(
            info.memmap_paddr + i * sizeof(abi::hvm_memmap_table_entry));
        if (e.type == abi::hvm_memmap_type_ram && !add_ram(out, e.addr, e.size)) {
            break;
        }
    }
    for (std::uint32_t i = 0; i < info.nr_modules; ++i) {
        auto const m = read_at<abi::hvm_modlist_entry>(info.modlist_paddr +
                                                       i * sizeof(abi::hvm_modlist_entry));
        auto const text = m.cmdline_paddr == 0 ? std::string_view() : text_at(m.cmdline_paddr);
        if (!add_module(out, m.paddr, m.size, text)) {
            break;
        }
    }
    return true;
}

unsigned read_apic_ids(std::uint64_t rsdp, std::uint32_t* ids, unsigned room) noexcept {
    std::uint64_t const madt = rsdp == 0 ? 0 : find_table(rsdp, "APIC");
    if (madt == 0) {
        return 0;
    }
    auto const header = read_at<table_header>(madt);
    unsigned count = 0;
    for (std::uint32_t at = 44; at + 8 <= header.length && count < room;) {
        auto const type = read_at<std::uint8_t>(madt + at);
        auto const length = read_at<std::uint8_t>(madt + at + 1);
        if (type == 0 && (read_at<std::uint32_t>(madt + at + 4) & 1) != 0) { // local APIC, enabled
            ids[count++] = read_at<std::uint8_t>(madt + at + 3);
        } else if (type == 9 && (read_at<std::uint32_t>(madt + at + 8) & 1) != 0) { // x2APIC
            ids[count++] = read_at<std::uint32_t>(madt + at + 4);
        }
        if (length < 2) {
            break;
        }
        at += length;
    }
    return count;
}

std::string_view option(std::string_view command_line, std::string_view name) noexcept {
    std::size_t at = 0;
    while (at < command_line.size()) {
        std::size_t end = at;
        while (end < command_line.size() && command_line[end] != ' ') {
            ++end;
        }
        std::string_view const word(command_line.data() + at, end - at);
        if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=') {
            return {word.data() + name.size() + 1, word.size() - name.size() - 1};
        }
        at = end + 1;
    }
    return {};
}

std::uint64_t number(std::string_view text, std::uint64_t otherwise) noexcept {
    if (text.empty()) {
        return otherwise;
    }
    std::uint64_t n = 0;
    for (char const c : text) {
        if (c < '0' || c > '9' || n > (~std::uint64_t{0} - 9) / 10) {
            return otherwise;
        }
        n = n * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return n;
}

} // namespace xenpp::image
