// SPDX-License-Identifier: Apache-2.0
// Files, FIFOs and byte locks.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace xenpp::os {

namespace {

result<void> write_all(int fd, std::string_view bytes, std::string const& path) {
    while (!bytes.empty()) {
        auto const n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR) {
            return fail_errno("write", path);
        }
        bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return {};
}

} // namespace

unexpected<error> fail_errno(std::string_view operation, std::string detail) {
    return fail(operation, errno, std::move(detail));
}

result<unique_fd> open_file(std::string const& path, int flags, unsigned mode) {
    unique_fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) {
        return fail_errno("open", path);
    }
    return fd;
}

result<std::string> read_file(std::string const& path, std::size_t most) {
    auto const fd = XENPP_TRY(open_file(path, O_RDONLY));
    std::string content;
    char buffer[16384];
    for (;;) {
        auto const n = ::read(fd.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_errno("read", path);
        }
        if (n == 0) {
            return content;
        }
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > most) {
            return fail("read", errc::toobig,
                        fmt::format("{} is larger than {} bytes", path, most));
        }
    }
}

result<void> replace_file(std::string const& path, std::string_view content) {
    auto const temporary = fmt::format("{}.{}", path, ::getpid());
    auto const fd = XENPP_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    auto written = write_all(fd.get(), content, path);
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        auto const why = fail_errno("rename", path);
        ::unlink(temporary.c_str());
        return why;
    }
    return {};
}

result<void> write_at(int fd, std::uint64_t offset, std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
        auto const n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? fail_errno("pwrite") : fail("pwrite", ENOSPC);
        }
        offset += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

std::string tail_of_file(std::string const& path, std::size_t most) {
    auto const fd = open_file(path, O_RDONLY);
    if (!fd) {
        return {};
    }
    auto const end = ::lseek(fd->get(), 0, SEEK_END);
    if (end <= 0) {
        return {};
    }
    auto const size = static_cast<std::size_t>(end) < most ? static_cast<std::size_t>(end) : most;
    std::string tail(size, '\0');
    auto const n = ::pread(fd->get(), tail.data(), size, end - static_cast<off_t>(size));
    tail.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return tail;
}

void rotate_log(int fd, std::string const& path, std::uint64_t most) noexcept {
    struct stat open {};

    struct stat named {};

    if (::fstat(fd, &open) != 0 || static_cast<std::uint64_t>(open.st_size) <= most ||
        ::stat(path.c_str(), &named) != 0 || open.st_ino != named.st_ino ||
        open.st_dev != named.st_dev) {
        return;
    }
    auto const last = path + ".1";
    if (::rename(path.c_str(), last.c_str()) != 0) {
        return;
    }
    if (auto const fresh = open_file(path, O_WRONLY | O_CREAT | O_APPEND)) {
        ::dup2(fresh->get(), fd);
    } else {
        ::rename(last.c_str(), path.c_str()); // another time
    }
}

result<void> make_fifo(std::string const& path) {
    if (::mkfifo(path.c_str(), 0600) == 0) {
        return {};
    }
    if (errno != EEXIST) {
        return fail_errno("mkfifo", path);
    }

    struct stat s {};

    if (::lstat(path.c_str(), &s) != 0) {
        return fail_errno("mkfifo", path);
    }
    if (!S_ISFIFO(s.st_mode)) {
        return fail("mkfifo", errc::exist, path + " exists and is no FIFO");
    }
    return {};
}

std::string path_of(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

result<std::uint64_t> free_space(std::string const& path) {
    struct statvfs s {};

    if (::statvfs(path.c_str(), &s) != 0) {
        return fail_errno("statvfs", path);
    }
    return std::uint64_t{s.f_bavail} * s.f_frsize;
}

namespace {

struct flock byte_lock(std::uint64_t n, short type) noexcept {
    struct flock l {};

    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = static_cast<off_t>(n);
    l.l_len = 1;
    return l;
}

int set_byte_lock(int fd, std::uint64_t n, short type) noexcept {
    auto l = byte_lock(n, type);
    return ::fcntl(fd, F_OFD_SETLK, &l);
}

} // namespace

result<bool> try_lock_byte(int fd, std::uint64_t n) {
    if (set_byte_lock(fd, n, F_WRLCK) == 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return false;
    }
    return fail_errno("lock");
}

result<bool> is_byte_locked(int fd, std::uint64_t n) {
    auto l = byte_lock(n, F_WRLCK);
    if (::fcntl(fd, F_OFD_GETLK, &l) != 0) {
        return fail_errno("lock");
    }
    return l.l_type != F_UNLCK;
}

void unlock_byte(int fd, std::uint64_t n) noexcept {
    static_cast<void>(set_byte_lock(fd, n, F_UNLCK));
}

} // namespace xenpp::os
