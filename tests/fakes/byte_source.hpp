// SPDX-License-Identifier: Apache-2.0
// Bytes as decisions: what a fuzzer or a random generator feeds to a machine under test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace xenpp::fakes {

/// The input, zero behind its end.
class byte_source {
public:
    explicit byte_source(std::span<std::uint8_t const> s) noexcept : left_(s) {}

    bool is_empty() const noexcept { return left_.empty(); }

    template <class T>
    T take() noexcept {
        T value{};
        fill(&value, sizeof value);
        return value;
    }

    unsigned below(unsigned n) noexcept { return take<std::uint8_t>() % n; }

    bool one_in(unsigned n) noexcept { return below(n) == n - 1; }

    void fill(void* to, std::size_t n) noexcept {
        auto const part = std::min(n, left_.size());
        std::memcpy(to, left_.data(), part);
        left_ = left_.subspan(part);
    }

private:
    std::span<std::uint8_t const> left_;
};

} // namespace xenpp::fakes
