// SPDX-License-Identifier: Apache-2.0
// First fit with joining of neighbours.
#include <xenpp/base/checked.hpp>
#include <xenpp/base/strong.hpp>

#include <transport/arena.hpp>

namespace xenpp::transport {

namespace {

constexpr std::size_t grain = 64;

/// What a request takes up: whole grains, at least one.
constexpr std::size_t footprint(std::size_t size) noexcept {
    return size == 0 ? grain : align_up(size, grain);
}

} // namespace

std::optional<std::size_t> arena::allocate(std::size_t size) {
    auto const align = size >= page_size ? page_size : grain;
    for (auto at = free_.begin(); at != free_.end(); ++at) {
        auto const [begin, length] = *at;
        auto const start = align_up(begin, align);
        auto const skipped = start - begin;
        if (skipped > length || size > length - skipped || footprint(size) > length - skipped) {
            continue;
        }
        free_.erase(at);
        if (skipped != 0) {
            free_.emplace(begin, skipped);
        }
        auto const rest = length - skipped - footprint(size);
        if (rest != 0) {
            free_.emplace(start + footprint(size), rest);
        }
        return start;
    }
    return std::nullopt;
}

void arena::release(std::size_t offset, std::size_t size) {
    auto at = free_.emplace(offset, footprint(size)).first;
    auto const after = std::next(at);
    if (after != free_.end() && at->first + at->second == after->first) {
        at->second += after->second;
        free_.erase(after);
    }
    if (at != free_.begin()) {
        auto const before = std::prev(at);
        if (before->first + before->second == at->first) {
            before->second += at->second;
            free_.erase(at);
        }
    }
}

std::size_t arena::free_bytes() const noexcept {
    std::size_t n = 0;
    for (auto const& [offset, size] : free_) {
        n += size;
    }
    return n;
}

} // namespace xenpp::transport
