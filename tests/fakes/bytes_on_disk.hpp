// SPDX-License-Identifier: Apache-2.0
// Files and mappings with given bytes, in a folder that goes with the test.
#pragma once

#include <xenpp/builder/mapping.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

namespace xenpp::fakes {

/// A temporary folder, removed with all it holds.
class scratch_folder {
public:
    scratch_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "xenpp-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        path_ = name;
    }

    scratch_folder(scratch_folder const&) = delete;
    scratch_folder& operator=(scratch_folder const&) = delete;

    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::filesystem::path const& path() const { return path_; }

    /// Writes a file; its path.
    std::string file(std::string const& name, std::span<std::byte const> bytes) const {
        auto const at = path_ / name;
        std::ofstream(at, std::ios::binary)
            .write(reinterpret_cast<char const*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
        return at.string();
    }

private:
    std::filesystem::path path_;
};

/// The bytes as an owned mapping; not empty.
inline builder::mapping mapped(std::span<std::byte const> bytes) {
    auto buffer = builder::output_buffer::create(bytes.size()).value();
    std::copy(bytes.begin(), bytes.end(), buffer.bytes().begin());
    return std::move(buffer).keep(bytes.size());
}

} // namespace xenpp::fakes
