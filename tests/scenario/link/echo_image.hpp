// SPDX-License-Identifier: Apache-2.0
// The smallest hypervisor: answers each hypercall with its first argument plus one.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <string>

namespace xenpp::tests {

// 32-bit code at 1 MiB, entered by PVH. It says that it polls and is up, and then, for ever, for
// each of the 32 slots: carries out a reset, or answers one entry and puts a byte out at COM2.
//
//     mov edi, 0x2000000              inc edx
//     mov dword [edi+244], 1          mov [ebx+56], edx
//     mov dword [edi+240], 2          mov dword [ebx+60], 0
// again:                              inc eax
//     mov esi, 0x2010000              mov [esi+64], eax
//     mov ecx, 32                     mov dx, 0x2f8
// slot:                               mov al, 1
//     mov eax, [esi+8]                out dx, al
//     cmp eax, [esi+68]           2:
//     je 1f                           add esi, 4096
//     mov dword [esi], 0              dec ecx
//     mov dword [esi+64], 0           jnz slot
//     mov [esi+68], eax               pause
// 1:                                  jmp again
//     mov eax, [esi+64]
//     cmp eax, [esi]
//     je 2f
//     mov ebx, eax
//     and ebx, 15
//     shl ebx, 6
//     lea ebx, [esi+ebx+128]
//     mov edx, [ebx+8]
inline constexpr std::array<std::uint8_t, 119> echo_code{
    0xbf, 0x00, 0x00, 0x00, 0x02, 0xc7, 0x87, 0xf4, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0xc7, 0x87, 0xf0, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x00, 0x01, 0x02,
    0xb9, 0x20, 0x00, 0x00, 0x00, 0x8b, 0x46, 0x08, 0x3b, 0x46, 0x44, 0x74, 0x10, 0xc7, 0x06,
    0x00, 0x00, 0x00, 0x00, 0xc7, 0x46, 0x40, 0x00, 0x00, 0x00, 0x00, 0x89, 0x46, 0x44, 0x8b,
    0x46, 0x40, 0x3b, 0x06, 0x74, 0x28, 0x89, 0xc3, 0x83, 0xe3, 0x0f, 0xc1, 0xe3, 0x06, 0x8d,
    0x9c, 0x1e, 0x80, 0x00, 0x00, 0x00, 0x8b, 0x53, 0x08, 0x42, 0x89, 0x53, 0x38, 0xc7, 0x43,
    0x3c, 0x00, 0x00, 0x00, 0x00, 0x40, 0x89, 0x46, 0x40, 0x66, 0xba, 0xf8, 0x02, 0xb0, 0x01,
    0xee, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0x49, 0x75, 0xb0, 0xf3, 0x90, 0xeb, 0xa2};

/// An image whose code only halts: it never comes up.
inline constexpr std::array<std::uint8_t, 4> halt_code{0xfa, 0xf4, 0xeb, 0xfd};

/// Writes `code` as an ELF64 that QEMU's -kernel enters by its PVH note.
template <class Code>
void write_image(std::string const& path, Code const& code) {
    std::string out;
    auto const put = [&out](std::uint64_t v, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i) {
            out.push_back(static_cast<char>(v >> (8 * i)));
        }
    };
    constexpr std::uint64_t base = 0x100000;
    constexpr std::uint64_t header = 64 + 2 * 56; // file header, two program headers
    constexpr std::uint64_t note = 20;            // sizes, type, "Xen", entry
    out += "\x7f"
           "ELF";
    put(0x010102, 8), put(0, 4); // 64-bit, little-endian, version 1
    put(2, 2), put(62, 2), put(1, 4), put(base, 8), put(64, 8), put(0, 8), put(0, 4);
    put(64, 2), put(56, 2), put(2, 2), put(0, 2), put(0, 2), put(0, 2);
    put(1, 4), put(7, 4), put(header + note, 8), put(base, 8), put(base, 8); // PT_LOAD
    put(code.size(), 8), put(code.size(), 8), put(4, 8);
    put(4, 4), put(4, 4), put(header, 8), put(0, 8), put(0, 8), put(note, 8), put(note, 8);
    put(4, 8); // PT_NOTE: XEN_ELFNOTE_PHYS32_ENTRY
    put(4, 4), put(4, 4), put(18, 4), put(0x6e6558, 4), put(base, 4);
    out.append(reinterpret_cast<char const*>(code.data()), code.size());
    std::ofstream(path, std::ios::binary) << out;
}

} // namespace xenpp::tests
