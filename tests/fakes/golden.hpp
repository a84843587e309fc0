// SPDX-License-Identifier: Apache-2.0
// Output against a file of what is expected; XENPP_UPDATE_GOLDEN=1 rewrites the file.
#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace xenpp::fakes {

/// A file's bytes; it must be there.
inline std::string contents(std::filesystem::path const& path) {
    std::ifstream in(path, std::ios::binary);
    INFO(path.string());
    REQUIRE(in.good());
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline void check_golden(std::filesystem::path const& expect, std::string const& got) {
    if (std::getenv("XENPP_UPDATE_GOLDEN") != nullptr) { // NOLINT(concurrency-mt-unsafe)
        std::ofstream(expect, std::ios::binary) << got;
    }
    INFO(expect.filename().string());
    CHECK(got == contents(expect));
}

} // namespace xenpp::fakes
