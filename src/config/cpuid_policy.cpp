// SPDX-License-Identifier: Apache-2.0
// The key `cpuid` in both its forms.
#include "config/text_scanner.hpp"

#include <xenpp/config/cpuid_policy.hpp>

#include <fmt/format.h>

namespace xenpp::config {
namespace {

// Every name that Debian's libxl 4.17.7 takes; tests/oracle asks it for each.
constexpr std::string_view features =
    "3dnow|3dnowext|3dnowprefetch|abm|acpi|adx|aes|aesni|altmovcr8|amd-ppin|amd-ssbd|"
    "amd-stibp|apic|arat|arch-caps|auto-ibrs|avx|avx-vnni|avx2|avx512-4fmaps|avx512-4vnniw|"
    "avx512-bf16|avx512-bitalg|avx512-fp16|avx512-ifma|avx512-vbmi|avx512-vbmi2|avx512-vnni|"
    "avx512-vp2intersect|avx512-vpopcntdq|avx512bw|avx512cd|avx512dq|avx512er|avx512f|"
    "avx512pf|avx512vl|bhi-ctrl|bhi-no|bmi1|bmi2|btc-no|cet-ibt|cet-ss|cet-sss|cldemote|"
    "clflushopt|clfsh|clwb|clzero|cmov|cmp-legacy|cmplegacy|cmpxchg16|cmpxchg8|cmt|cntxid|"
    "core-caps|cpb|cr8-legacy|cx16|cx8|dbext|dca|de|doitm|ds|dscpl|dtes64|efro|eibrs|eist|"
    "energy-filtering|enqcmd|erms|est|extapic|f16c|fb-clear|fb-clear-ctrl|fbsdp-no|"
    "fdp-excp-only|ffxsr|fma|fma4|fpu|fsgsbase|fsrcs|fsrm|fsrs|fxsr|fzrm|gds-ctrl|gds-no|"
    "gfni|hle|htt|hw-pstate|hybrid|hypervisor|ia64|ibpb|ibpb-brtype|ibpb-ret|ibrs|"
    "ibrs-always|ibrs-fast|ibrs-same-mode|ibrsb|ibs|if-pschange-mc-no|intel-ppin|intel-psfd|"
    "intel-ssb-no|invpcid|invtsc|ipred-ctrl|its-no|itsc|l1d-flush|lahf-lm|lahfsahf|"
    "lfence-dispatch|lm|lwp|mca|mcdt-no|mce|mcu-ctrl|md-clear|mds-no|misalignsse|"
    "misc-pkg-ctrl|mmx|mmxext|monitor|monitorx|movbe|movdir64b|movdiri|mpx|msr|mtrr|"
    "no-fpu-sel|no-lmsl|nodeid|nodeid-msr|nscb|nx|ospke|osvw|osxsave|ovrclk-status|pae|"
    "page1gb|pat|pbe|pbrsb-no|pcid|pclmulqdq|pdcm|perfctr_core|perfctr_nb|pge|pku|popcnt|"
    "ppin|pqe|pqm|prefetchwt1|proc-trace|psdp-no|pse|pse36|psfd|psn|rdcl-no|rdpid|rdrand|"
    "rdseed|rdtscp|rfds-clear|rfds-no|rrsba|rrsba-ctrl|rsba|rstr-fp-err-ptrs|rtm|"
    "rtm-always-abort|sbdr-ssdp-no|sbpb|sep|serialize|sgx|sha|skinit|skip-l1dfl|smap|smep|"
    "smx|srbds-ctrl|srso-msr-fix|srso-no|srso-us-no|ss|ssb-no|ssbd|sse|sse2|sse3|sse4-1|"
    "sse4-2|sse4.1|sse4.2|sse4_1|sse4_2|sse4a|ssse3|stibp|stibp-always|svm|svm_decode|"
    "svm_lbrv|svm_npt|svm_nrips|svm_pausefilt|svm_tscrate|svm_vmcbclean|syscall|sysenter|"
    "taa-no|tbm|tm|tm1|tm2|topoext|tsa-l1-no|tsa-sq-no|tsc|tsc-adjust|tsc-deadline|"
    "tsc_adjust|tsx-ctrl|tsx-force-abort|tsxldtrk|umip|vaes|verw-clear|virt-ssbd|vme|vmx|"
    "vpclmulqdq|wbnoinvd|wdt|x2apic|xapic-status|xgetbv1|xop|xsave|xsavec|xsaveopt|xsaves|"
    "xtpr";
constexpr std::string_view numbers = "apicidsize|brandid|clflush|family|localapicid|maxhvleaf|"
                                     "maxleaf|model|nc|proccount|procpkg|stepping";

constexpr std::string_view register_words = "eax|ebx|ecx|edx";
constexpr std::size_t register_bits = 32;

char letter(cpuid_bit b) {
    constexpr std::string_view letters = "01xk";
    return letters[static_cast<std::size_t>(b)];
}

std::optional<cpuid_bit> bit_of(std::string_view text) {
    int const index = word_index("0|1|x|k|s", text);
    return index < 0 ? std::nullopt : std::optional(static_cast<cpuid_bit>(std::min(index, 3)));
}

/// C's notation, without a sign.
bool read_number(text_scanner& in, std::uint32_t& to) {
    std::uint64_t n = 0;
    bool const is_hex = in.skip("0x");
    if (!in.number(n, is_hex ? 16 : 10) || n > UINT32_MAX) {
        return false;
    }
    to = static_cast<std::uint32_t>(n);
    return true;
}

expected<cpuid_setting, value_error> parse_setting(text_scanner& in) {
    std::size_t const at = in.offset();
    auto const name = in.until("=,");
    if (!in.skip("=")) {
        return in.fail_at(at, fmt::format("`{}` has no value", name), "write NAME=0 or NAME=1");
    }
    auto const value = in.until(",");
    cpuid_setting to{std::string(name), cpuid_bit::clear};
    bool const is_number = word_index(numbers, name) >= 0;
    if (!is_number && word_index(features, name) < 0) {
        return in.unknown_key(at, name, std::string(features) + "|" + std::string(numbers));
    }
    if (auto const bit = value == "1" && is_number ? std::nullopt : bit_of(value);
        bit && (!is_number || *bit != cpuid_bit::clear)) {
        to.what = *bit;
        return to;
    }
    text_scanner digits(value);
    std::uint32_t n = 0;
    if (!is_number || !read_number(digits, n) || !digits.at_end()) {
        return in.fail_at(at, fmt::format("`{}` is no value of `{}`", value, name),
                          is_number ? "it takes a number, x or k" : "it takes 0, 1, x or k");
    }
    to.what = n;
    return to;
}

} // namespace

expected<std::vector<cpuid_setting>, value_error> parse_cpuid(std::string_view text) {
    std::vector<cpuid_setting> out;
    text_scanner in(text);
    if (!in.skip("host")) {
        return in.fail("a CPUID policy begins with `host`", "for example \"host,tm=0\"");
    }
    while (!in.at_end()) {
        if (!in.skip(",")) {
            return in.fail("expected `,` between two settings");
        }
        in.skip_blanks();
        if (!in.at_end()) {
            out.push_back(XENPP_TRY(parse_setting(in)));
        }
    }
    return out;
}

std::string print(std::vector<cpuid_setting> const& settings) {
    std::string out = "host";
    for (auto const& s : settings) {
        out += fmt::format(",{}=", s.name);
        if (auto const* const bit = std::get_if<cpuid_bit>(&s.what)) {
            out += letter(*bit);
        } else {
            out += std::to_string(std::get<std::uint32_t>(s.what));
        }
    }
    return out;
}

expected<void, value_error> parse_spec(std::string_view text, cpuid_leaf& to) {
    text_scanner in(text);
    if (!read_number(in, to.leaf)) {
        return in.fail("expected the number of a leaf", "for example \"0x1:edx=...\"");
    }
    if (in.skip(",")) {
        std::uint32_t subleaf = 0;
        if (!read_number(in, subleaf)) {
            return in.fail("expected the number of a subleaf");
        }
        to.subleaf = subleaf;
    }
    if (!in.skip(":")) {
        return in.fail("expected `:` behind the leaf");
    }
    do {
        in.skip_blanks();
        std::size_t const at = in.offset();
        auto const name = in.until("=,");
        int const index = word_index(register_words, name);
        if (index < 0 || !in.skip("=")) {
            return in.fail_at(at, fmt::format("`{}` is no register of CPUID", name),
                              "there are eax, ebx, ecx and edx");
        }
        auto const bits = in.until(",");
        if (bits.size() != register_bits ||
            bits.find_first_not_of("01xks") != std::string_view::npos) {
            return in.fail_at(at, "a register is 32 letters of 0, 1, x, k and s");
        }
        to.registers[static_cast<std::size_t>(index)] = bits;
    } while (in.skip(","));
    return {};
}

std::string print(cpuid_leaf const& l) {
    std::string out = fmt::format("{:#x}", l.leaf);
    if (l.subleaf) {
        out += fmt::format(",{}", *l.subleaf);
    }
    char separator = ':';
    for (std::size_t i = 0; i < l.registers.size(); ++i) {
        if (!l.registers[i].empty()) {
            out += fmt::format("{}{}={}", separator, word_at(register_words, static_cast<int>(i)),
                               l.registers[i]);
            separator = ',';
        }
    }
    return out;
}

} // namespace xenpp::config
