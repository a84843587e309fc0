// SPDX-License-Identifier: Apache-2.0
// What CPUID of an AMD processor with AVX and nested paging answers, for tests.
#pragma once

#include <xenpp/x86/cpuid.hpp>

#include <cstdint>

namespace xenpp::fakes {

inline x86::cpuid_leaf fake_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    switch (leaf) {
    case 0:
        return {0x10, x86::cpuid::vendor_amd.b, x86::cpuid::vendor_amd.c, x86::cpuid::vendor_amd.d};
    case 1: return {0x00800f12, 0x03020800, 0xfffbfbff, 0xffffffff};
    case 5: return {64, 64, 3, 0x11};
    case 6: return {0xffff, 1, 1, 0};
    case 7:
        return subleaf == 0 ? x86::cpuid_leaf{2, 0xffffffff, 0xffffffff, 0xffffffff}
                            : x86::cpuid_leaf{subleaf == 1 ? 0xffffffff : 0, 0, 0, 0};
    case 0xa: return {0x07300402, 0, 0, 0x603};
    case 0xb:
        return subleaf == 0   ? x86::cpuid_leaf{1, 2, 0x100, 3}
               : subleaf == 1 ? x86::cpuid_leaf{4, 16, 0x201, 3}
                              : x86::cpuid_leaf{0, 0, subleaf, 3};
    case 0xd:
        switch (subleaf) {
        case 0: return {0x2e7, 2696, 2696, 0};
        case 1: return {0xf, 1024, 0x1800, 0};
        case 2: return {256, 576, 0, 0};
        case 5: return {64, 1088, 0, 0};
        case 6: return {512, 1152, 0, 0};
        case 7: return {1024, 1664, 0, 0};
        case 9: return {8, 2688, 0, 0};
        default: return {};
        }
    case 0x10: return {};
    case 0x80000000: return {0x80000023, 0, 0, 0};
    case 0x80000001: return {0x00800f12, 0, 0xffffffff, 0xffffffff};
    case 0x80000002: return {0x65706974, 0x20736e61, 0x74696c20, 0x656c7400};
    case 0x80000005: return {0xff48ff40, 0xff48ff40, 0x20080140, 0x40040140};
    case 0x80000006: return {0x26006400, 0x66006400, 0x02006140, 0x00808140};
    case 0x80000007: return {0, 0x1b, 0, 0x6799};
    case 0x80000008: return {0x3030, 0xffffffff, 0x700f, 0};
    case 0x8000000a: return {1, 0x8000, 0, 0xffffffff};
    case 0x8000001d:
        return subleaf < 4 ? x86::cpuid_leaf{0x121 + subleaf, 0x3f, 7, 0} : x86::cpuid_leaf{};
    case 0x8000001e: return {3, 0x101, 0, 0};
    case 0x8000001f: return {0xf, 0x16f, 0xf, 1};
    case 0x80000021: return {0xffffffff, 0, 0, 0};
    default: return {};
    }
}

} // namespace xenpp::fakes
