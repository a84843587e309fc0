// SPDX-License-Identifier: Apache-2.0
// The machine's RAM as a file: where a frame lies in it, and mapping many of them as one.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/link/layout.hpp>
#include <xenpp/link/link_op.hpp>
#include <xenpp/os/mapping.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenpp::transport {

/// How QEMU's q35 lays `size` bytes of RAM out around its hole below 4 GiB.
std::vector<link::ram_region> q35_regions(std::uint64_t size);

class ram_file {
public:
    ram_file() noexcept = default;

    ram_file(os::unique_fd fd, std::vector<link::ram_region> regions) noexcept
        : fd_(std::move(fd)), regions_(std::move(regions)) {}

    int fd() const noexcept { return fd_.get(); }

    /// `count` pages of address space in which the extents' frames lie at their indices. What no
    /// extent covers faults. An error if an extent is no RAM or lies outside `count`.
    result<os::mapping>
    map(std::span<link::frame_extent const> extents, std::size_t count, os::access access) const;

    /// Copies `bytes` into the extents' frames, in the order of their indices, from `offset` within
    /// the page of index 0 on. By the file, not by a mapping: half the time, for no page need be
    /// mapped, and none that is overwritten as a whole be zeroed. Errors: an extent is no RAM; the
    /// extents end before the bytes do.
    result<void> write(std::span<link::frame_extent const> extents,
                       std::size_t offset,
                       std::span<std::byte const> bytes) const;

private:
    /// The place in the file of `size` bytes from `at`, which may not cross regions.
    result<std::uint64_t> offset_of(std::uint64_t at, std::uint64_t size) const;

    os::unique_fd fd_;
    std::vector<link::ram_region> regions_;
};

/// Joins extents whose frames and indices follow one another, in place.
void merge_extents(std::vector<link::frame_extent>& extents);

} // namespace xenpp::transport
