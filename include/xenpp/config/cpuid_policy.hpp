// SPDX-License-Identifier: Apache-2.0
// The key `cpuid`: how a guest's CPUID is to differ from the host's.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/value_error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace xenpp::config {

/// What becomes of a bit.
enum class cpuid_bit : std::uint8_t {
    clear,    ///< `0`
    set,      ///< `1`
    standard, ///< `x`: what the toolstack chooses
    host,     ///< `k` or `s`: the host's
};

/// A named feature, or a named number ("family"), as "host,tm=0,family=6" lists them.
struct cpuid_setting {
    std::string name;
    std::variant<cpuid_bit, std::uint32_t> what;

    friend bool operator==(cpuid_setting const&, cpuid_setting const&) = default;
};

/// One leaf in xend's form: 32 letters a register, the highest bit first.
struct cpuid_leaf {
    std::uint32_t leaf = 0;
    std::optional<std::uint32_t> subleaf;
    std::array<std::string, 4> registers; ///< eax, ebx, ecx, edx; empty: untouched

    friend bool operator==(cpuid_leaf const&, cpuid_leaf const&) = default;
};

/// Both empty: the host's, as far as it can be virtualised.
struct cpuid_policy {
    std::vector<cpuid_setting> settings; ///< the string form
    std::vector<cpuid_leaf> leaves;      ///< the list form

    bool empty() const noexcept { return settings.empty() && leaves.empty(); }

    friend bool operator==(cpuid_policy const&, cpuid_policy const&) = default;
};

/// Reads "host,tm=0,family=6".
expected<std::vector<cpuid_setting>, value_error> parse_cpuid(std::string_view text);
std::string print(std::vector<cpuid_setting> const& settings);

/// Reads "0x1:edx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0x,ecx=...", or "7,0:ebx=...".
expected<void, value_error> parse_spec(std::string_view text, cpuid_leaf& to);
std::string print(cpuid_leaf const& l);

} // namespace xenpp::config
