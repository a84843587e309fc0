// SPDX-License-Identifier: Apache-2.0
// A disk's work as NBD's commands, by libnbd.
#include <fmt/format.h>

#include <dev/vbd/nbd_image.hpp>
#include <libnbd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace xenpp::dev::detail {

namespace {

/// How long we wait for a server of ours to close its image, so that who comes next finds it free.
constexpr int most_end_ms = 5000;

class nbd_image;

/// A command under way.
struct work {
    nbd_image* image = nullptr;
    std::uint64_t tag = 0;
    std::vector<std::byte> bounce{}; ///< where the parts are several
    std::vector<iovec> parts{};      ///< what a bounced read goes to
};

int is_over(void* user, int* e) noexcept;

void forget(void* user) noexcept {
    delete static_cast<work*>(user);
}

class nbd_image final : public block_image {
public:
    nbd_image(nbd_connection handle, image_info const& info) noexcept
        : handle_(std::move(handle)), info_(info) {}

    /// With work in flight only where the process ends: what a server leaves undone, maybe for
    /// ever, is the successor's to do again, and to close the connection is the kernel's.
    ~nbd_image() override {
        if (in_flight_ != 0) {
            static_cast<void>(handle_.release()); // nbd_close waits for a qemu-nbd that hangs
        } else {
            nbd_aio_disconnect(handle_.get(), 0);
        }
    }

    image_info const& info() const noexcept override { return info_; }

    void submit(image_io const& io) override;

    void start() override {}

    void poll(done const& report) override {
        go_on();
        while (!finished_.empty()) {
            for (auto const& [tag, e] : std::exchange(finished_, {})) {
                report(tag, e);
            }
        }
    }

    int fd() const noexcept override { return nbd_aio_get_fd(handle_.get()); }

    bool wants_to_write() const noexcept override {
        return (nbd_aio_get_direction(handle_.get()) & LIBNBD_AIO_DIRECTION_WRITE) != 0;
    }

    void over(work& w, int e) {
        if (e == 0 && !w.bounce.empty()) {
            auto const* from = w.bounce.data();
            for (auto const& p : w.parts) {
                std::memcpy(p.iov_base, from, p.iov_len);
                from += p.iov_len;
            }
        }
        --in_flight_;
        finished_.emplace_back(w.tag, e);
    }

private:
    /// What the socket gives and takes now.
    void go_on() noexcept {
        auto* const h = handle_.get();
        for (bool has_moved = true; has_moved;) {
            auto const before = finished_.size();
            if ((nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_WRITE) != 0) {
                nbd_aio_notify_write(h);
            }
            if ((nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_READ) != 0) {
                nbd_aio_notify_read(h);
            }
            has_moved = finished_.size() != before;
        }
    }

    nbd_connection handle_;
    image_info info_;
    std::size_t in_flight_ = 0;
    std::vector<std::pair<std::uint64_t, int>> finished_;
};

int is_over(void* user, int* e) noexcept {
    auto& w = *static_cast<work*>(user);
    w.image->over(w, *e);
    return 1; // it need not be asked about
}

void nbd_image::submit(image_io const& io) {
    auto* const h = handle_.get();
    auto w = std::make_unique<work>();
    w->image = this;
    w->tag = io.tag;
    void* memory = io.parts.empty() ? nullptr : io.parts.front().iov_base;
    if (io.parts.size() > 1) {
        w->bounce.resize(io.length);
        memory = w->bounce.data();
        if (io.what == image_operation::write) {
            auto* to = w->bounce.data();
            for (auto const& p : io.parts) {
                std::memcpy(to, p.iov_base, p.iov_len);
                to += p.iov_len;
            }
            // Only a read goes anywhere afterwards.
        } else {
            w->parts.assign(io.parts.begin(), io.parts.end());
        }
    }
    // libnbd forgets what it was given in any case, also when it refuses.
    nbd_completion_callback const over{&is_over, w.get(), &forget};
    ++in_flight_;
    std::int64_t cookie = -1;
    static_cast<void>(w.release());
    switch (io.what) {
    case image_operation::read:
        cookie = nbd_aio_pread(h, memory, io.length, io.offset, over, 0);
        break;
    case image_operation::write:
        cookie = nbd_aio_pwrite(h, memory, io.length, io.offset, over, 0);
        break;
    case image_operation::flush: cookie = nbd_aio_flush(h, over, 0); break;
    case image_operation::discard: cookie = nbd_aio_trim(h, io.length, io.offset, over, 0); break;
    }
    if (cookie < 0) {
        --in_flight_;
        finished_.emplace_back(io.tag, nbd_get_errno() != 0 ? nbd_get_errno() : EIO);
    }
}

/// What the server says of its image.
result<image_info> ask(nbd_handle* h, vbd_config const& c) {
    auto const size = nbd_get_size(h);
    if (size < 512) {
        return fail("open disk image", EINVAL,
                    fmt::format("{}: the server says that it has {} bytes", c.target, size));
    }
    image_info i;
    i.size = static_cast<std::uint64_t>(size) / 512 * 512;
    auto const smallest = nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM);
    i.sector_size = static_cast<std::uint32_t>(std::clamp<std::int64_t>(smallest, 512, 4096));
    auto const preferred = nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED);
    i.physical_size =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(preferred, i.sector_size, 4096));
    i.is_read_only = c.is_read_only;
    if (!c.is_read_only && nbd_is_read_only(h) != 0) {
        return fail(
            "open disk image", EROFS,
            fmt::format("{}: its server offers it for reading alone; ask for access=ro", c.target));
    }
    i.can_flush = nbd_can_flush(h) == 1;
    i.can_discard = !c.is_read_only && nbd_can_trim(h) == 1 && c.discard.value_or(true);
    i.discard_granularity = i.physical_size;
    return i;
}

} // namespace

void nbd_close_handle::operator()(nbd_handle* h) const noexcept {
    nbd_close(h);
    if (server) {
        server->wait(most_end_ms);
    }
}

result<std::unique_ptr<block_image>> make_nbd_image(nbd_connection handle, vbd_config const& c) {
    auto const info = XENPP_TRY(ask(handle.get(), c));
    return std::unique_ptr<block_image>(new nbd_image(std::move(handle), info));
}

} // namespace xenpp::dev::detail
