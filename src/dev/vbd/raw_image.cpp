// SPDX-License-Identifier: Apache-2.0
// Raw images through io_uring, and without it.
#include <xenpp/dev/vbd/image.hpp>
#include <xenpp/os/file.hpp>

#include <dev/vbd/raw_file.hpp>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace xenpp::dev {

namespace {

using detail::raw_file;

constexpr unsigned queue_length = 256;

/// Memory that O_DIRECT takes.
struct aligned_free {
    void operator()(std::byte* p) const noexcept { std::free(p); }
};

using aligned_memory = std::unique_ptr<std::byte[], aligned_free>;

/// Work under way: what is left of it. Its place in a table is its number.
struct work {
    image_operation what = image_operation::read;
    std::uint64_t tag = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<iovec> left{};  ///< of memory
    aligned_memory bounce{};    ///< in place of parts that O_DIRECT does not take
    std::vector<iovec> parts{}; ///< what a bounced read goes to
};

/// `n` more bytes of `left` are done.
void consume(std::vector<iovec>& left, std::size_t n) noexcept {
    auto at = left.begin();
    while (at != left.end() && n >= at->iov_len) {
        n -= at->iov_len;
        ++at;
    }
    left.erase(left.begin(), at);
    if (n != 0 && !left.empty()) {
        left.front().iov_base = static_cast<std::byte*>(left.front().iov_base) + n;
        left.front().iov_len -= n;
    }
}

std::size_t size_of(std::span<iovec const> parts) noexcept {
    std::size_t n = 0;
    for (auto const& p : parts) {
        n += p.iov_len;
    }
    return n;
}

bool is_aligned(image_io const& io, std::uint32_t alignment) noexcept {
    return std::ranges::all_of(io.parts, [alignment](iovec const& p) {
        return reinterpret_cast<std::uintptr_t>(p.iov_base) % alignment == 0 &&
               p.iov_len % alignment == 0;
    });
}

/// Fills in a piece of work. False: there is no memory for it.
bool begin(work& w, image_io const& io, std::uint32_t alignment) {
    w.what = io.what;
    w.tag = io.tag;
    w.offset = io.offset;
    w.length = io.length;
    w.left.assign(io.parts.begin(), io.parts.end());
    if (is_aligned(io, alignment)) {
        return true;
    }
    auto const size = size_of(io.parts);
    auto const room = (size + alignment - 1) / alignment * alignment;
    w.bounce.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, room)));
    if (!w.bounce) {
        return false;
    }
    w.parts = std::exchange(w.left, {iovec{w.bounce.get(), size}});
    if (w.what == image_operation::write) {
        auto* to = w.bounce.get();
        for (auto const& p : w.parts) {
            std::memcpy(to, p.iov_base, p.iov_len);
            to += p.iov_len;
        }
    }
    return true;
}

void end(work& w, int error) noexcept {
    if (w.bounce && w.what == image_operation::read && error == 0) {
        auto const* from = w.bounce.get();
        for (auto const& p : w.parts) {
            std::memcpy(p.iov_base, from, p.iov_len);
            from += p.iov_len;
        }
    }
    w.bounce.reset();
    w.left.clear();
    w.parts.clear();
}

/// What a system call's outcome (a count or a negative errno) means for work: nothing, it goes on
/// with the rest; else the errno it ends with.
std::optional<int> judge(work& w, int outcome) noexcept {
    if (outcome == -EINTR || outcome == -EAGAIN) {
        return std::nullopt;
    }
    if (outcome < 0) {
        return -outcome;
    }
    if (w.what == image_operation::flush || w.what == image_operation::discard) {
        return 0;
    }
    consume(w.left, static_cast<std::size_t>(outcome));
    w.offset += static_cast<std::uint64_t>(outcome);
    if (w.left.empty()) {
        return 0;
    }
    // The file was cut short under us, or its file system takes no more without saying why.
    return outcome == 0 ? std::optional(EIO) : std::nullopt;
}

class ring_image final : public block_image {
public:
    ring_image(raw_file file, io_uring ring) noexcept : file_(std::move(file)), ring_(ring) {
        works_.resize(queue_length);
        for (auto i = queue_length; i-- != 0;) {
            free_.push_back(i);
        }
    }

    ~ring_image() override {
        waiting_.clear();
        while (free_.size() != queue_length) {
            io_uring_cqe* cqe = nullptr;
            io_uring_submit(&ring_);
            if (io_uring_wait_cqe(&ring_, &cqe) != 0) {
                continue;
            }
            free_.push_back(number_of(*cqe));
            io_uring_cqe_seen(&ring_, cqe);
        }
        io_uring_queue_exit(&ring_);
    }

    image_info const& info() const noexcept override { return file_.info; }

    void submit(image_io const& io) override {
        if (free_.empty()) {
            waiting_.emplace_back();
            if (!begin(waiting_.back(), io, file_.alignment)) {
                waiting_.pop_back();
                failed_.emplace_back(io.tag, ENOMEM);
            }
            return;
        }
        auto const n = free_.back();
        if (!begin(works_[n], io, file_.alignment)) {
            failed_.emplace_back(io.tag, ENOMEM);
            return;
        }
        free_.pop_back();
        queue(n);
    }

    void start() override { io_uring_submit(&ring_); }

    void poll(done const& report) override {
        for (auto const& [tag, error] : std::exchange(failed_, {})) {
            report(tag, error);
        }
        io_uring_cqe* cqe = nullptr;
        while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
            auto const n = number_of(*cqe);
            auto const outcome = cqe->res;
            io_uring_cqe_seen(&ring_, cqe);
            auto const error = judge(works_[n], outcome);
            if (!error) {
                queue(n);
                continue;
            }
            auto const tag = works_[n].tag;
            end(works_[n], *error);
            free_.push_back(n);
            take_waiting();
            report(tag, *error);
        }
        io_uring_submit(&ring_);
    }

    int fd() const noexcept override { return ring_.ring_fd; }

private:
    static unsigned number_of(io_uring_cqe const& cqe) noexcept {
        return static_cast<unsigned>(cqe.user_data);
    }

    void take_waiting() {
        if (!waiting_.empty()) {
            auto const n = free_.back();
            free_.pop_back();
            works_[n] = std::move(waiting_.front());
            waiting_.pop_front();
            queue(n);
        }
    }

    /// There is an entry for each piece of work.
    void queue(unsigned n) noexcept {
        auto* sqe = io_uring_get_sqe(&ring_);
        while (sqe == nullptr) {
            io_uring_submit(&ring_);
            sqe = io_uring_get_sqe(&ring_);
        }
        auto const& w = works_[n];
        int const fd = file_.fd.get();
        auto const parts = static_cast<unsigned>(w.left.size());
        // One piece of memory, as most have, spares the kernel a copy of the list.
        bool const is_one = parts == 1 && w.left.front().iov_len <= UINT32_MAX;
        auto* const memory = is_one ? w.left.front().iov_base : nullptr;
        auto const length = is_one ? static_cast<unsigned>(w.left.front().iov_len) : 0U;
        switch (w.what) {
        case image_operation::read:
            if (is_one) {
                io_uring_prep_read(sqe, fd, memory, length, w.offset);
            } else {
                io_uring_prep_readv(sqe, fd, w.left.data(), parts, w.offset);
            }
            break;
        case image_operation::write:
            if (is_one) {
                io_uring_prep_write(sqe, fd, memory, length, w.offset);
            } else {
                io_uring_prep_writev(sqe, fd, w.left.data(), parts, w.offset);
            }
            break;
        case image_operation::flush: io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); break;
        case image_operation::discard:
            io_uring_prep_fallocate(sqe, fd, detail::discard_mode(), static_cast<off_t>(w.offset),
                                    static_cast<off_t>(w.length));
            break;
        }
        io_uring_sqe_set_data64(sqe, n);
    }

    raw_file file_;
    io_uring ring_;
    std::vector<work> works_;
    std::vector<unsigned> free_;
    std::deque<work> waiting_;
    std::vector<std::pair<std::uint64_t, int>> failed_;
};

/// Where io_uring is forbidden, as in many containers.
class plain_image final : public block_image {
public:
    explicit plain_image(raw_file file) noexcept : file_(std::move(file)) {}

    image_info const& info() const noexcept override { return file_.info; }

    void submit(image_io const& io) override {
        work w;
        if (!begin(w, io, file_.alignment)) {
            finished_.emplace_back(io.tag, ENOMEM);
            return;
        }
        std::optional<int> error;
        while (!error) {
            auto const outcome = run(w);
            error = judge(w, outcome < 0 ? -errno : static_cast<int>(outcome));
        }
        end(w, *error);
        finished_.emplace_back(io.tag, *error);
    }

    void start() override {}

    void poll(done const& report) override {
        while (!finished_.empty()) {
            for (auto const& [tag, error] : std::exchange(finished_, {})) {
                report(tag, error);
            }
        }
    }

    int fd() const noexcept override { return -1; }

private:
    ssize_t run(work& w) const noexcept {
        int const fd = file_.fd.get();
        auto const n = static_cast<int>(w.left.size());
        auto const offset = static_cast<off_t>(w.offset);
        switch (w.what) {
        case image_operation::read: return ::preadv(fd, w.left.data(), n, offset);
        case image_operation::write: return ::pwritev(fd, w.left.data(), n, offset);
        case image_operation::flush: return ::fdatasync(fd);
        case image_operation::discard:
            return ::fallocate(fd, detail::discard_mode(), offset, static_cast<off_t>(w.length));
        }
        return 0;
    }

    raw_file file_;
    std::vector<std::pair<std::uint64_t, int>> finished_;
};

} // namespace

result<std::unique_ptr<block_image>> open_raw_image(vbd_config const& config) {
    auto file = XENPP_TRY(detail::open_raw_file(config));
    io_uring ring{};
    if (io_uring_queue_init(queue_length, &ring, 0) == 0) {
        io_uring_ring_dontfork(&ring);
        return std::unique_ptr<block_image>(new ring_image(std::move(file), ring));
    }
    return std::unique_ptr<block_image>(new plain_image(std::move(file)));
}

} // namespace xenpp::dev
