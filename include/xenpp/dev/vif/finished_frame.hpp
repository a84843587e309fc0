// SPDX-License-Identifier: Apache-2.0
// Frames for those who can do nothing themselves: with checksums, and cut.
#pragma once

#include <xenpp/dev/vif/frame.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace xenpp::dev {

/// Does the work that a frame's sender left to others, in memory that is used again and again.
class frame_finisher {
public:
    /// Calls `each` with the frame as it goes over a wire, or with its segments one after the
    /// other; not at all for a frame whose work makes no sense. The bytes stay until the next call.
    void finish(frame const& f, std::function<void(std::span<std::byte const>)> const& each);

private:
    std::vector<std::byte> bytes_;
};

} // namespace xenpp::dev
