// SPDX-License-Identifier: Apache-2.0
// Opening and mapping a kernel or ramdisk file.
#include "builder/identity.hpp"

#include <xenpp/builder/file.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace xenpp::builder {

file_identity identity_of(struct ::stat const& st) noexcept {
    auto const ns = [](timespec const& t) {
        return std::int64_t{t.tv_sec} * 1'000'000'000 + std::int64_t{t.tv_nsec};
    };
    return {.device = st.st_dev,
            .inode = st.st_ino,
            .size = static_cast<std::uint64_t>(st.st_size),
            .mtime_ns = ns(st.st_mtim),
            .ctime_ns = ns(st.st_ctim)};
}

result<file> file::open(std::string const& path, std::string_view operation) {
    // Nonblocking, or a FIFO in the place of a kernel would hang us.
    os::unique_fd const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        return fail(operation, errno, path);
    }
    struct ::stat st = {};
    if (::fstat(fd.get(), &st) != 0) {
        return fail(operation, errno, path);
    }
    if (S_ISDIR(st.st_mode)) {
        return fail(operation, EISDIR, path);
    }
    if (!S_ISREG(st.st_mode)) {
        return fail(operation, path + " is not a regular file");
    }
    if (st.st_size == 0) {
        return fail(operation, path + " is empty");
    }
    auto contents = mapping::of_file(fd.get(), static_cast<std::size_t>(st.st_size));
    if (!contents) {
        return fail(operation, contents.error().code, path);
    }
    return file(*std::move(contents), identity_of(st));
}

} // namespace xenpp::builder
