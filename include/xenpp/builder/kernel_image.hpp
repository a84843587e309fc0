// SPDX-License-Identifier: Apache-2.0
// A kernel ready to be placed in guest memory, whatever file it came from.
#pragma once

#include <xenpp/builder/elf.hpp>
#include <xenpp/builder/mapping.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace xenpp::builder {

class kernel_cache;

/// No kernel, packed or unpacked, is larger (bytes).
inline constexpr std::size_t kernel_size_limit = std::size_t{512} << 20;

/// An unpacked, checked kernel that owns its bytes.
class kernel_image {
public:
    elf_image const& elf() const noexcept { return elf_; }

    /// A segment's bytes in the file; the rest of its memory is zero.
    std::span<std::byte const> contents(elf_segment const& s) const noexcept {
        return bytes_.bytes().subspan(s.file_offset, s.file_size);
    }

    /// Whether the bytes are a file's (`forget_pages`).
    bool is_of_file() const noexcept { return bytes_.is_of_file(); }

    /// What it is in words: "Linux bzImage 6.1.0-56-cloud-amd64, packed with lz4".
    std::string const& description() const noexcept { return description_; }

    /// Where PVH execution starts. Errors: no PHYS32_ENTRY note; the entry lies in no segment or
    /// not below 4 GiB.
    result<gpa> pvh_entry() const;

private:
    friend result<kernel_image> load_kernel(std::string const&, kernel_cache const*);
    friend result<kernel_image> parse_kernel(mapping, std::size_t);

    kernel_image(mapping bytes, elf_image elf, std::string description)
        : bytes_(std::move(bytes)), elf_(std::move(elf)), description_(std::move(description)) {}

    mapping bytes_;
    elf_image elf_;
    std::string description_;
};

/// Loads a kernel: an x86 ELF file, a Linux bzImage, or an ELF file packed by itself. A packed
/// kernel is looked up in `cache` first and stored there after; a cache that does not work only
/// costs time. Touches no hypervisor.
/// Errors name the path and say in one sentence: missing or unreadable, a directory, empty, not a
/// kernel, truncated (and where), of the wrong architecture (named), damaged, too large, packed
/// in a way that is not supported.
result<kernel_image> load_kernel(std::string const& path, kernel_cache const* cache = nullptr);

/// The same for bytes at hand. `limit`: the largest unpacked size in bytes.
result<kernel_image> parse_kernel(mapping file, std::size_t limit = kernel_size_limit);

} // namespace xenpp::builder
