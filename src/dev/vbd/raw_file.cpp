// SPDX-License-Identifier: Apache-2.0
// Opening raw images, and locking them as QEMU's programs do.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <dev/vbd/raw_file.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xenpp::dev::detail {

namespace {

constexpr std::string_view operation = "open disk image";

// QEMU's convention, so that its programs see our locks and we theirs: a shared lock on byte 100+n
// says "I do n", one on 200+n "nobody else may do n".
constexpr off_t does = 100;
constexpr off_t forbids = 200;
constexpr off_t to_read = 0;
constexpr off_t to_write = 1;
constexpr off_t to_resize = 3;

struct flock make_lock(short type, off_t at) noexcept {
    struct flock l {};

    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = at;
    l.l_len = 1;
    return l;
}

/// Whether somebody else has a lock on the byte.
bool is_locked(int fd, off_t at) noexcept {
    auto l = make_lock(F_WRLCK, at);
    return ::fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/// Takes all locks first and looks then: of two that come at once, one at least sees the other.
result<void> lock_image(int fd, bool is_read_only, std::string const& path) {
    std::array const mine{does + to_read, is_read_only ? does + to_read : does + to_write,
                          forbids + to_write, forbids + to_resize};
    for (auto const at : mine) {
        auto l = make_lock(F_RDLCK, at);
        if (::fcntl(fd, F_OFD_SETLK, &l) != 0 && errno != EAGAIN && errno != EACCES) {
            return {}; // a file system without locks
        }
    }
    bool const is_written = is_locked(fd, does + to_write) || is_locked(fd, does + to_resize);
    bool const is_kept =
        is_locked(fd, forbids + to_read) || (!is_read_only && is_locked(fd, forbids + to_write));
    if (is_written || is_kept) {
        return fail(operation, EBUSY,
                    fmt::format("{}: another domain or program {} it; detach it there first", path,
                                is_written ? "writes to" : "reads from"));
    }
    return {};
}

/// What O_DIRECT wants of memory and offsets; 0: it cannot be had.
std::uint32_t direct_alignment(int fd) noexcept {
#ifdef STATX_DIOALIGN
    struct statx s {};

    if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &s) == 0 &&
        (s.stx_mask & STATX_DIOALIGN) != 0) {
        return std::max(s.stx_dio_mem_align, s.stx_dio_offset_align);
    }
#endif
    struct stat st {};

    return ::fstat(fd, &st) == 0 ? static_cast<std::uint32_t>(st.st_blksize) : 4096;
}

} // namespace

int discard_mode() noexcept {
    return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
}

result<raw_file> open_raw_file(vbd_config const& config) {
    auto const& path = config.target;
    raw_file f;
    auto const flags = config.is_read_only ? O_RDONLY : O_RDWR;
    auto fd = os::open_file(path, flags | O_NONBLOCK);
    if (!fd) {
        return fail(operation, fd.error().code, path);
    }
    f.fd = *std::move(fd);

    struct stat st {};

    if (::fstat(f.fd.get(), &st) != 0) {
        return os::fail_errno(operation, path);
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        return fail(operation, EINVAL,
                    path + ": a disk is a file or a block device, and this is neither");
    }
    XENPP_TRY(lock_image(f.fd.get(), config.is_read_only, path));
    auto const size = ::lseek(f.fd.get(), 0, SEEK_END);
    if (size < 0) {
        return os::fail_errno(operation, path);
    }
    if (size < 512) {
        return fail(operation, EINVAL,
                    fmt::format("{}: it has {} bytes, which is less than a sector", path, size));
    }
    f.info.size = static_cast<std::uint64_t>(size) / 512 * 512;
    f.info.is_read_only = config.is_read_only;
    f.info.can_flush = true;
    f.info.physical_size =
        std::clamp<std::uint32_t>(static_cast<std::uint32_t>(st.st_blksize), 512, 4096);
    f.info.discard_granularity = f.info.physical_size;
    f.info.can_discard = !config.is_read_only && config.discard.value_or(true);
    if (config.direct_io_safe) {
        f.alignment = direct_alignment(f.fd.get());
        if (f.alignment != 0 && ::fcntl(f.fd.get(), F_SETFL, O_DIRECT) == 0) {
            f.info.sector_size = std::clamp<std::uint32_t>(f.alignment, 512, 4096);
        } else {
            f.alignment = 1; // a file system that has no such thing: its cache is as safe
        }
    }
    return f;
}

} // namespace xenpp::dev::detail
