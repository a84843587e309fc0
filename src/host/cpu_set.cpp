// SPDX-License-Identifier: Apache-2.0
// A set of physical CPUs.
#include <xenpp/cpu_set.hpp>

#include <bit>

namespace xenpp {

cpu_set::cpu_set(std::initializer_list<std::uint32_t> cpus) {
    for (auto const c : cpus) {
        insert(c);
    }
}

cpu_set cpu_set::first(std::uint32_t n) {
    cpu_set s;
    s.words_.assign(n / 64, ~std::uint64_t{0});
    if (n % 64 != 0) {
        s.words_.push_back((std::uint64_t{1} << (n % 64)) - 1);
    }
    return s;
}

void cpu_set::insert(std::uint32_t cpu) {
    if (cpu / 64 >= words_.size()) {
        words_.resize(cpu / 64 + 1);
    }
    words_[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
}

std::uint32_t cpu_set::count() const noexcept {
    int n = 0;
    for (auto const w : words_) {
        n += std::popcount(w);
    }
    return static_cast<std::uint32_t>(n);
}

bool cpu_set::includes(cpu_set const& other) const noexcept {
    for (std::size_t i = 0; i != other.words_.size(); ++i) {
        auto const mine = i < words_.size() ? words_[i] : 0;
        if ((other.words_[i] & ~mine) != 0) {
            return false;
        }
    }
    return true;
}

cpu_set cpu_set::from_words(std::vector<std::uint64_t> words) {
    cpu_set s;
    s.words_ = std::move(words);
    s.trim();
    return s;
}

void cpu_set::trim() {
    while (!words_.empty() && words_.back() == 0) {
        words_.pop_back();
    }
}

std::string to_string(cpu_set const& s) {
    std::string out;
    auto const end = static_cast<std::uint32_t>(s.words().size() * 64);
    for (std::uint32_t from = 0; from < end; ++from) {
        if (!s.contains(from)) {
            continue;
        }
        auto to = from;
        while (s.contains(to + 1)) {
            ++to;
        }
        out += (out.empty() ? "" : ",") + std::to_string(from);
        if (to != from) {
            out += "-" + std::to_string(to);
        }
        from = to;
    }
    return out;
}

} // namespace xenpp
