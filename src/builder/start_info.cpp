// SPDX-License-Identifier: Apache-2.0
// Laying out a start_info block.
#include <xenpp/builder/start_info.hpp>

#include <cstring>

namespace xenpp::builder {

namespace {

/// Where the parts lie, from the block's start.
struct offsets {
    std::size_t modules, memory_map, command_line, end;
};

offsets offsets_of(start_info_contents const& c) noexcept {
    offsets o{};
    o.modules = sizeof(abi::hvm_start_info);
    o.memory_map = o.modules + c.modules.size() * sizeof(abi::hvm_modlist_entry);
    o.command_line = o.memory_map + c.memory_map.size() * sizeof(abi::hvm_memmap_table_entry);
    o.end = o.command_line + c.command_line.size() + 1;
    return o;
}

template <class T>
void put(std::span<std::byte> out, std::size_t offset, T const& v) noexcept {
    std::memcpy(out.data() + offset, &v, sizeof v);
}

} // namespace

std::size_t start_info_size(start_info_contents const& contents) noexcept {
    return offsets_of(contents).end;
}

void write_start_info(std::span<std::byte> out, gpa at, start_info_contents const& c) noexcept {
    auto const o = offsets_of(c);
    put(out, 0,
        abi::hvm_start_info{
            .magic = abi::hvm_start_magic_value,
            .version = 1,
            .flags = 0,
            .nr_modules = static_cast<std::uint32_t>(c.modules.size()),
            .modlist_paddr = c.modules.empty() ? 0 : (at + o.modules).raw(),
            .cmdline_paddr = (at + o.command_line).raw(),
            .rsdp_paddr = c.rsdp.raw(),
            .memmap_paddr = (at + o.memory_map).raw(),
            .memmap_entries = static_cast<std::uint32_t>(c.memory_map.size()),
            .reserved = 0,
        });
    auto to = o.modules;
    for (auto const& m : c.modules) {
        put(out, to, abi::hvm_modlist_entry{m.at.raw(), m.size, 0, 0});
        to += sizeof(abi::hvm_modlist_entry);
    }
    for (auto const& m : c.memory_map) {
        auto const kind = static_cast<std::uint32_t>(m.kind);
        put(out, to, abi::hvm_memmap_table_entry{m.start.raw(), m.size, kind, 0});
        to += sizeof(abi::hvm_memmap_table_entry);
    }
    c.command_line.copy(reinterpret_cast<char*>(out.data() + to), c.command_line.size());
    out[to + c.command_line.size()] = std::byte{0};
}

} // namespace xenpp::builder
