// SPDX-License-Identifier: Apache-2.0
// One ring of a disk: takes requests, has them done, puts answers.
#pragma once

#include <xenpp/dev/vbd/guest_pages.hpp>
#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/dev/vbd/inflight.hpp>
#include <xenpp/dev/vbd/request.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace xenpp::dev {

/// What the queues of a disk share.
struct vbd_shared {
    vbd_limits limits;
    block_image& image;
    vbd_guest_pages& pages;
    vbd_inflight& inflight;
    std::size_t buffered = 0; ///< bytes of memory that requests hold in place of kept pages
};

class vbd_queue {
public:
    using ring_type = ring::back_ring<abi::blkif_request, abi::blkif_response>;

    /// Requests hold at most so much memory at a time, whatever a guest asks for; but one always
    /// goes.
    static constexpr std::size_t most_buffered = std::size_t{16} << 20;

    /// `pages` stay mapped for the life of this object.
    vbd_queue(vbd_shared& shared,
              std::uint32_t number,
              std::span<std::byte> pages,
              bool is_resumed);

    /// For a queue that is resumed: has what was not answered done again. False: what is known of
    /// it does not fit the ring.
    bool resume();

    /// Takes and submits what waits. False: the ring is broken, and nothing is taken any more.
    bool run();

    /// The image has done the work with this tag's lower half.
    void done(std::uint32_t slot, int error);

    /// Answers what is done. True: the guest is to be told.
    result<bool> answer();

    /// Nothing is in flight.
    bool is_idle() const noexcept { return busy_ == 0; }

    /// `run` left something to let others have their turn, or for want of memory that is there now.
    bool has_more() const noexcept { return has_more_ && has_memory(); }

private:
    /// A request in flight; its place is its slot in the record.
    struct job {
        vbd_request request;
        std::vector<abi::blkif_request_segment> raw_segments{};
        std::vector<vbd_segment> segments{};
        std::vector<iovec> parts{};
        std::vector<std::byte> buffer{};
        std::size_t buffered = 0;
        std::int16_t status = 0;
        bool is_flushing = false; ///< the flush in front of a write is under way
    };

    bool has_memory() const noexcept { return shared_.buffered < most_buffered || busy_ == 0; }

    bool take_batch();
    void decode(std::uint32_t slot);
    void fetch_segments();
    void find_memory();
    void use_kept(job& j, bool& is_kept) const;
    void use_buffer(job& j);
    void copy_data(std::span<std::uint32_t const> slots, vbd_operation what);
    void submit_batch();
    void submit(std::uint32_t slot);
    void finish(std::uint32_t slot, std::int16_t status);
    void count(job const& j) noexcept;
    void copy(std::vector<transport::grant_copy>& pieces);

    std::uint64_t tag(std::uint32_t slot) const noexcept {
        return std::uint64_t{number_} << 32 | slot;
    }

    vbd_shared& shared_;
    std::uint32_t number_;
    ring_type ring_;
    std::vector<job> jobs_;
    std::vector<std::uint32_t> batch_;    ///< taken, not submitted yet
    std::vector<std::uint32_t> finished_; ///< to be answered
    std::uint32_t busy_ = 0;              ///< taken and not answered
    bool is_broken_ = false;
    bool has_more_ = false;
    bool is_door_broken_ = false;
};

} // namespace xenpp::dev
