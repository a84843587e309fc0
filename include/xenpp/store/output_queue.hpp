// SPDX-License-Identifier: Apache-2.0
// What a connection is still to be sent, bounded against a peer that does not read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace xenpp::store {

/// Bytes in the order in which they are to be sent.
class output_queue {
public:
    /// From here on, an event that is still waiting in whole is not queued a second time.
    static constexpr std::size_t coalesce_above = 64 * 1024;
    /// While more than this waits for a caller in this process, guests' requests wait too.
    static constexpr std::size_t congested_above = 1024 * 1024;
    /// A peer with more than this waiting is given up.
    static constexpr std::size_t give_up_above = 8 * 1024 * 1024;

    std::string_view waiting() const noexcept { return std::string_view(bytes_).substr(begin_); }

    std::size_t size() const noexcept { return bytes_.size() - begin_; }

    void push(std::string_view bytes);
    /// Is this event, byte for byte, among those that wait in a long queue and must be read yet?
    bool holds_event(std::string_view bytes) const;
    /// Appends an event and remembers it as long as the queue is long.
    void push_event(std::string_view bytes);
    /// The first `n` bytes are sent.
    void pop(std::size_t n);

private:
    std::string bytes_;
    std::size_t begin_ = 0;
    std::uint64_t sent_ = 0;                                        ///< bytes ever popped
    std::map<std::string, std::uint64_t, std::less<>> late_events_; ///< where in the stream
};

} // namespace xenpp::store
