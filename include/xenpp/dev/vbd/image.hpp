// SPDX-License-Identifier: Apache-2.0
// What a disk's bytes lie in: a file, a block device, whatever QEMU or an NBD server reads.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/dev/vbd/config.hpp>

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace xenpp::dev {

/// What is known of an open image.
struct image_info {
    std::uint64_t size = 0;            ///< in bytes, whole sectors
    std::uint32_t sector_size = 512;   ///< the smallest piece that can be written
    std::uint32_t physical_size = 512; ///< the smallest that is written well
    bool is_read_only = false;
    bool can_flush = false;
    bool can_discard = false;
    std::uint32_t discard_granularity = 512;
};

enum class image_operation : std::uint8_t {
    read,
    write,
    flush,
    discard,
};

/// One piece of work for an image. Memory stays where it is until the work is done.
struct image_io {
    image_operation what = image_operation::read;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;       ///< of a discard; else the sum of `parts`
    std::span<iovec const> parts{}; ///< of a read or write
    std::uint64_t tag = 0;          ///< its user's
};

/// An open image. Work is submitted, started by `start`, and reported by `poll`, in any order.
class block_image {
public:
    /// `error` is an errno; 0: done, all of it.
    using done = std::function<void(std::uint64_t tag, int error)>;

    block_image() noexcept = default;
    block_image(block_image const&) = delete;
    block_image& operator=(block_image const&) = delete;
    /// Nothing in flight reaches memory any more.
    virtual ~block_image() = default;

    virtual image_info const& info() const noexcept = 0;

    virtual void submit(image_io const& io) = 0;
    virtual void start() = 0;

    /// Calls `report` for all that is done, which may submit more.
    virtual void poll(done const& report) = 0;

    /// Readable when `poll` has something to report or to go on with; for writing too while
    /// `wants_to_write()`. -1: everything is done once `start` returns. It may become -1 in
    /// `submit`, `start` and `poll`, and is closed then: what served the image has gone, all fails.
    virtual int fd() const noexcept = 0;

    virtual bool wants_to_write() const noexcept { return false; }
};

/// A raw file or block device through io_uring, or, where the kernel has none for us, through
/// plain reads and writes. Its lock, which QEMU's programs know too, is held. Errors in words for
/// whoever asked for the disk: it is missing, in use, no disk, ...
result<std::unique_ptr<block_image>> open_raw_image(vbd_config const& config);

} // namespace xenpp::dev
