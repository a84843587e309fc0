// SPDX-License-Identifier: Apache-2.0
// The cache's files: a page of header, then the ELF; written aside, then renamed into place.
#include "builder/identity.hpp"
#include "builder/little_endian.hpp"

#include <xenpp/base/strong.hpp>
#include <xenpp/builder/kernel_cache.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <memory>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "cache kernel";
constexpr std::string_view entry_suffix = ".kernel";

/// The first page of an entry.
struct header {
    std::array<char, 8> magic = {'x', 'e', 'n', 'p', 'p', 'k', 'r', 'n'};
    std::uint64_t format = 2;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint64_t elf_size = 0;
    std::uint64_t elf_checksum = 0;
    std::array<char, 40> boot = {};                     ///< see `is_sealed`
    std::array<char, page_size - 120> description = {}; ///< ended by a zero
    std::uint64_t header_checksum = 0;                  ///< of all before it
};

static_assert(sizeof(header) == page_size);

/// A checksum at memory speed against damage, not against an enemy: every step is a bijection of
/// its lane, so a single changed word always shows.
std::uint64_t checksum(bytes_view bytes) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    constexpr std::size_t stride = 32;
    std::array<std::uint64_t, 4> lane = {1, 2, 3, 4};
    std::size_t at = 0;
    for (; bytes.size() - at >= stride; at += stride) {
        std::array<std::uint64_t, 4> words;
        std::memcpy(words.data(), bytes.data() + at, stride);
        for (std::size_t i = 0; i < lane.size(); ++i) {
            lane[i] = std::rotl((lane[i] ^ words[i]) * odd, 29);
        }
    }
    for (; at < bytes.size(); ++at) {
        lane[0] = std::rotl((lane[0] ^ std::to_integer<std::uint64_t>(bytes[at])) * odd, 29);
    }
    std::uint64_t sum = bytes.size();
    for (auto const l : lane) {
        sum = std::rotl((sum ^ l) * odd, 29);
    }
    return sum;
}

std::uint64_t header_checksum(header const& h) noexcept {
    return checksum(std::as_bytes(std::span(&h, 1)).first(offsetof(header, header_checksum)));
}

void set_boot(header& h, std::string_view boot) noexcept {
    h.boot = {};
    std::copy_n(boot.begin(), std::min(boot.size(), h.boot.size() - 1), h.boot.begin());
}

/// Writes the times of an entry that is whole: used now, and never written since the epoch.
void seal(int fd) {
    std::array<timespec, 2> const times = {{{0, UTIME_NOW}, {0, 0}}};
    ::futimens(fd, times.data()); // failing only costs a checksum, and the place in line
}

/// Whether nobody has written to the entry since it was sealed, in this life of the system: any
/// write changes the time, and a crash, which can tear what was not synced, the boot's name.
bool is_sealed(header const& h, struct ::stat const& st, std::string_view boot) noexcept {
    return st.st_mtim.tv_sec == 0 && st.st_mtim.tv_nsec == 0 && !boot.empty() &&
           h.boot.data() == boot;
}

header make_header(file_identity const& id,
                   std::string_view description,
                   std::string_view boot,
                   bytes_view elf) {
    header h;
    h.device = id.device;
    h.inode = id.inode;
    h.size = id.size;
    h.mtime_ns = id.mtime_ns;
    h.ctime_ns = id.ctime_ns;
    h.elf_size = elf.size();
    h.elf_checksum = checksum(elf);
    set_boot(h, boot);
    auto const fits = std::min(description.size(), h.description.size() - 1);
    std::copy_n(description.begin(), fits, h.description.begin());
    h.header_checksum = header_checksum(h);
    return h;
}

/// Whether the entry's header is whole, and its ELF not cut short; says nothing about which kernel
/// it is for.
bool is_intact(header const& h, bytes_view elf) noexcept {
    return h.magic == header{}.magic && h.format == header{}.format &&
           h.header_checksum == header_checksum(h) && h.elf_size == elf.size() &&
           h.description.back() == 0 && h.boot.back() == 0;
}

/// Whether the ELF is what was stored. An entry that is found to be, is sealed for this boot.
bool is_genuine(int fd, struct ::stat const& st, header& h, std::string_view boot, bytes_view elf) {
    if (!is_sealed(h, st, boot)) {
        if (h.elf_checksum != checksum(elf)) {
            return false;
        }
        set_boot(h, boot);
        h.header_checksum = header_checksum(h);
        if (::pwrite(fd, &h, sizeof h, 0) != ssize_t{sizeof h}) {
            return true; // and is checked again the next time
        }
    }
    seal(fd);
    return true;
}

bool is_for(header const& h, file_identity const& id) noexcept {
    return h.device == id.device && h.inode == id.inode && h.size == id.size &&
           h.mtime_ns == id.mtime_ns && h.ctime_ns == id.ctime_ns;
}

std::string entry_name(file_identity const& id) {
    return fmt::format("{:x}-{:x}{}", id.device, id.inode, entry_suffix);
}

/// The folder, if nobody but this user may put files into it.
result<os::unique_fd> open_folder(std::string const& path) {
    os::unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder) {
        return fail(operation, errno, path);
    }
    struct ::stat st = {};
    if (::fstat(folder.get(), &st) != 0) {
        return fail(operation, errno, path);
    }
    if (st.st_uid != ::geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(operation, EPERM, path + " is writable by other users");
    }
    return folder;
}

struct entry {
    std::string name;
    std::uint64_t size;
    std::int64_t used_ns; ///< the time of access, which only `seal` sets for sure
};

/// The cache's own files in the folder, the one used longest ago first.
std::vector<entry> entries_of(os::unique_fd const& folder) {
    std::vector<entry> out;
    int const copy = ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::unique_ptr<DIR, int (*)(DIR*)> const dir(copy < 0 ? nullptr : ::fdopendir(copy),
                                                  ::closedir);
    if (!dir) {
        return out;
    }
    while (auto const* const e = ::readdir(dir.get())) { // NOLINT(concurrency-mt-unsafe): own DIR
        std::string name = e->d_name;
        struct ::stat st = {};
        if (name.find(entry_suffix) == std::string::npos ||
            ::fstatat(folder.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        auto const used_ns = std::int64_t{st.st_atim.tv_sec} * 1'000'000'000 + st.st_atim.tv_nsec;
        out.push_back({std::move(name), identity_of(st).size, used_ns});
    }
    std::sort(out.begin(), out.end(),
              [](auto const& a, auto const& b) { return a.used_ns < b.used_ns; });
    return out;
}

void make_room(os::unique_fd const& folder, std::uint64_t allowed) {
    auto const entries = entries_of(folder);
    std::uint64_t total = 0;
    for (auto const& e : entries) {
        total += e.size;
    }
    for (auto const& e : entries) {
        if (total <= allowed) {
            return;
        }
        ::unlinkat(folder.get(), e.name.c_str(), 0);
        total -= e.size;
    }
}

result<void> write_all(int fd, bytes_view bytes) {
    while (!bytes.empty()) {
        auto const n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail(operation, n < 0 ? errno : ENOSPC, "writing an entry");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

/// Writes an entry under a name of its own. No fsync: the checksums tell a torn entry.
result<void>
write_entry(os::unique_fd const& folder, std::string const& name, header const& h, bytes_view elf) {
    os::unique_fd const fd(::openat(folder.get(), name.c_str(),
                                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                    S_IRUSR | S_IWUSR));
    if (!fd) {
        return fail(operation, errno, name);
    }
    XENPP_TRY(write_all(fd.get(), std::as_bytes(std::span(&h, 1))));
    XENPP_TRY(write_all(fd.get(), elf));
    seal(fd.get());
    return {};
}

} // namespace

std::string kernel_cache::current_boot() {
    auto id = os::read_file("/proc/sys/kernel/random/boot_id").value_or("");
    return id.substr(0, std::min(id.find('\n'), sizeof(header::boot) - 1));
}

std::optional<cached_kernel> kernel_cache::find(file_identity const& id) const {
    auto const folder = open_folder(folder_);
    if (!folder) {
        return std::nullopt;
    }
    auto const name = entry_name(id);
    os::unique_fd const fd(
        ::openat(folder->get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct ::stat st = {};
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
        return std::nullopt;
    }
    header h;
    bool whole = ::pread(fd.get(), &h, sizeof h, 0) == ssize_t{sizeof h};
    if (whole && !is_for(h, id)) {
        return std::nullopt; // the kernel has changed; the next store replaces the entry
    }
    if (whole) {
        auto elf = mapping::of_file(fd.get(), static_cast<std::size_t>(st.st_size), sizeof h);
        whole =
            elf && is_intact(h, elf->bytes()) && is_genuine(fd.get(), st, h, boot_, elf->bytes());
        if (whole) {
            return cached_kernel{*std::move(elf), h.description.data()};
        }
    }
    ::unlinkat(folder->get(), name.c_str(), 0);
    return std::nullopt;
}

result<void> kernel_cache::store(file_identity const& id,
                                 std::string_view description,
                                 std::span<std::byte const> elf) const {
    auto const size = sizeof(header) + elf.size();
    if (size > capacity_) {
        return fail(operation, EFBIG, "the kernel is larger than the cache");
    }
    if (::mkdir(folder_.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return fail(operation, errno, folder_);
    }
    auto const folder = XENPP_TRY(open_folder(folder_));
    auto const name = entry_name(id);
    ::unlinkat(folder.get(), name.c_str(), 0);
    make_room(folder, capacity_ - size);
    // A name that no other process uses; one left by a killed process goes as the oldest entry.
    auto const draft = fmt::format("{}.{}", name, ::getpid());
    ::unlinkat(folder.get(), draft.c_str(), 0);
    auto written = write_entry(folder, draft, make_header(id, description, boot_, elf), elf);
    if (written && ::renameat(folder.get(), draft.c_str(), folder.get(), name.c_str()) != 0) {
        written = fail(operation, errno, name);
    }
    if (!written) {
        ::unlinkat(folder.get(), draft.c_str(), 0);
    }
    return written;
}

} // namespace xenpp::builder
