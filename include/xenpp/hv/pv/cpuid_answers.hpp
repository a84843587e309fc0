// SPDX-License-Identifier: Apache-2.0
// What CPUID has answered to a PV vCPU: making an answer up takes as long as the way to it and
// back.
#pragma once

#include <xenpp/x86/cpuid.hpp>

#include <array>
#include <cstdint>

namespace xenpp::hv::pv {

/// The last answers, by leaf and subleaf. A domain's policy is settled before it runs.
class cpuid_answers {
public:
    /// What else they depend on.
    struct inputs {
        std::uint64_t xcr0 = 0; ///< never 0 of a vCPU: x87 is always on
        std::uint64_t cr4 = 0;
        std::uint32_t tsc_mode = 0;

        friend constexpr bool operator==(inputs const&, inputs const&) noexcept = default;
    };

    /// The answer, which `make_up()` knows.
    template <class MakeUp>
    x86::cpuid_leaf const&
    find(inputs const& now, std::uint32_t leaf, std::uint32_t subleaf, MakeUp make_up) noexcept {
        if (inputs_ != now) [[unlikely]] {
            // No leaf behind the last one answers anything: an empty row tells the truth.
            rows_.fill({~std::uint32_t{0}, ~std::uint32_t{0}, {}});
            inputs_ = now;
        }
        auto& r = rows_[(leaf ^ leaf >> 27 ^ subleaf) % rows_.size()];
        if (r.leaf != leaf || r.subleaf != subleaf) [[unlikely]] {
            r = {leaf, subleaf, make_up()};
        }
        return r.answer;
    }

private:
    struct row {
        std::uint32_t leaf;
        std::uint32_t subleaf;
        x86::cpuid_leaf answer;
    };

    inputs inputs_;
    std::array<row, 32> rows_{};
};

} // namespace xenpp::hv::pv
