// SPDX-License-Identifier: Apache-2.0
// A set of physical CPUs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace xenpp {

/// A set of physical CPU numbers, of any size.
class cpu_set {
public:
    cpu_set() = default;
    cpu_set(std::initializer_list<std::uint32_t> cpus);

    /// The CPUs 0 to n - 1.
    static cpu_set first(std::uint32_t n);

    void insert(std::uint32_t cpu);

    bool contains(std::uint32_t cpu) const noexcept {
        return cpu / 64 < words_.size() && (words_[cpu / 64] >> (cpu % 64) & 1) != 0;
    }

    bool empty() const noexcept { return words_.empty(); }

    std::uint32_t count() const noexcept;

    /// Whether every CPU of `other` is in this set.
    bool includes(cpu_set const& other) const noexcept;

    /// The set as bits, CPU 0 lowest; the last word is not 0.
    std::vector<std::uint64_t> const& words() const noexcept { return words_; }

    static cpu_set from_words(std::vector<std::uint64_t> words);

    friend bool operator==(cpu_set const&, cpu_set const&) = default;

private:
    void trim();

    std::vector<std::uint64_t> words_;
};

/// Ranges, as people write them: "0-3,5"; "" for the empty set.
std::string to_string(cpu_set const& s);

} // namespace xenpp
