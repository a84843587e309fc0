// SPDX-License-Identifier: Apache-2.0
// Debian's libxlutil as an oracle, and the numbers by which inputs are made for it and for us.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include <libxlutil.h>
}

namespace oracle {

struct close_report {
    void operator()(std::FILE* f) const { static_cast<void>(std::fclose(f)); }
};

struct destroy_config {
    void operator()(XLU_Config* c) const { xlu_cfg_destroy(c); }
};

using config = std::unique_ptr<XLU_Config, destroy_config>;

/// A parser whose complaints nobody reads.
inline config make_config() {
    static std::unique_ptr<std::FILE, close_report> const report(std::fopen("/dev/null", "we"));
    return config(xlu_cfg_init(report.get(), "t"));
}

/// How many inputs of each kind: XENPP_ORACLE_INPUTS of the environment, else a hundred thousand.
inline std::uint64_t inputs() {
    char const* const text = std::getenv("XENPP_ORACLE_INPUTS");
    return text == nullptr ? 100000 : std::strtoull(text, nullptr, 10);
}

/// Where the series of inputs begins: XENPP_ORACLE_SEED of the environment, else 1.
inline std::uint64_t seed() {
    char const* const text = std::getenv("XENPP_ORACLE_SEED");
    return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

/// Texts made of pieces: mostly right ones, then damaged.
class generator {
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

    bool chance(std::size_t one_in) { return below(one_in) == 0; }

    template <std::size_t N>
    std::string_view pick(std::string_view const (&pieces)[N]) {
        return pieces[below(N)];
    }

    /// Removes, doubles, swaps or replaces a byte, `most` times at most; replacements come from
    /// `alphabet`.
    std::string damage(std::string text, std::size_t most, std::string_view alphabet) {
        for (std::size_t n = below(most + 1); n > 0 && !text.empty(); --n) {
            std::size_t const at = below(text.size());
            switch (below(5)) {
            case 0: text.erase(at, 1); break;
            case 1: text.insert(at, 1, text[at]); break;
            case 2: std::swap(text[at], text[below(text.size())]); break;
            case 3: text[at] = alphabet[below(alphabet.size())]; break;
            default: text.insert(at, 1, alphabet[below(alphabet.size())]); break;
            }
        }
        return text;
    }

private:
    std::mt19937_64 random_;
};

/// A text in which every byte can be seen.
inline std::string shown(std::string_view text) {
    std::string out;
    for (char c : text) {
        auto const u = static_cast<unsigned char>(c);
        if (u >= 0x20 && u < 0x7f && c != '\\') {
            out += c;
        } else {
            char hex[5];
            static_cast<void>(std::snprintf(hex, sizeof hex, "\\x%02x", u));
            out += hex;
        }
    }
    return out;
}

} // namespace oracle
