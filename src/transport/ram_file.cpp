// SPDX-License-Identifier: Apache-2.0
// Frames of the machine as pieces of its RAM file.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <transport/ram_file.hpp>

#include <algorithm>

namespace xenpp::transport {

std::vector<link::ram_region> q35_regions(std::uint64_t size) {
    // QEMU hw/i386/pc_q35.c: from 2.75 GiB on it keeps 2 GiB low and puts the rest above 4 GiB.
    constexpr std::uint64_t most_low = 0xb0000000;
    constexpr std::uint64_t low_when_split = std::uint64_t{2} << 30;
    constexpr std::uint64_t high = std::uint64_t{4} << 30;
    if (size < most_low) {
        return {{0, size, 0}};
    }
    return {{0, low_when_split, 0}, {high, size - low_when_split, low_when_split}};
}

result<std::uint64_t> ram_file::offset_of(std::uint64_t at, std::uint64_t size) const {
    for (auto const& r : regions_) {
        if (at >= r.base && at - r.base < r.size && size <= r.size - (at - r.base)) {
            return at - r.base + r.file_offset;
        }
    }
    return fail("map frames", errc::fault, fmt::format("machine address {:#x} is no RAM", at));
}

result<os::mapping> ram_file::map(std::span<link::frame_extent const> extents,
                                  std::size_t count,
                                  os::access access) const {
    if (extents.size() == 1 && extents.front().index == 0 && extents.front().count == count) {
        auto const size = count * page_size;
        auto const offset = XENPP_TRY(offset_of(extents.front().frame << page_shift, size));
        return os::mapping::of_file(fd(), offset, size, access);
    }
    auto pages = XENPP_TRY(os::mapping::reserve(count * page_size));
    for (auto const& e : extents) {
        auto const size = std::size_t{e.count} * page_size;
        auto const offset = XENPP_TRY(offset_of(e.frame << page_shift, size));
        XENPP_TRY(pages.place(std::size_t{e.index} * page_size, fd(), offset, size, access));
    }
    return pages;
}

result<void> ram_file::write(std::span<link::frame_extent const> extents,
                             std::size_t offset,
                             std::span<std::byte const> bytes) const {
    std::size_t done = 0;
    for (auto const& e : extents) {
        auto const skip = done == 0 ? offset : 0;
        auto const size = std::size_t{e.count} * page_size;
        if (std::size_t{e.index} * page_size != (done == 0 ? 0 : done + offset)) {
            break;
        }
        auto const part = bytes.subspan(done, std::min(size - skip, bytes.size() - done));
        auto const at = XENPP_TRY(offset_of(e.frame << page_shift, size));
        XENPP_TRY(os::write_at(fd(), at + skip, part));
        done += part.size();
    }
    if (done != bytes.size()) {
        return fail("write frames", errc::fault, "pages are missing");
    }
    return {};
}

void merge_extents(std::vector<link::frame_extent>& extents) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < extents.size(); ++i) {
        auto& into = extents[last];
        auto const& e = extents[i];
        if (into.frame + into.count == e.frame && into.index + into.count == e.index) {
            into.count += e.count;
        } else {
            extents[++last] = e;
        }
    }
    if (!extents.empty()) {
        extents.resize(last + 1);
    }
}

} // namespace xenpp::transport
