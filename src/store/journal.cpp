// SPDX-License-Identifier: Apache-2.0
// Records, recovery and compaction of the journal file.
#include <xenpp/store/journal.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

namespace xenpp::store {

namespace {

constexpr std::string_view magic("XPPSTOR\x01", 8);
constexpr std::size_t record_header = 8;
constexpr std::uint64_t least_compaction = 1 << 20;

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size()));
}

result<std::string> record(std::string_view changes) {
    if (changes.size() > UINT32_MAX) {
        return fail("write store journal", EFBIG, "a record's length has 32 bits");
    }
    std::string out;
    change_writer(out).u32(static_cast<std::uint32_t>(changes.size())).u32(checksum(changes));
    return out.append(changes);
}

result<void> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail("write store journal", n < 0 ? errno : ENOSPC);
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

result<std::string> read_all(int fd) {
    std::string out;

    struct stat info {};

    if (::fstat(fd, &info) != 0) {
        return fail("read store journal", errno);
    }
    out.resize(static_cast<std::size_t>(info.st_size));
    for (std::size_t done = 0; done < out.size();) {
        auto const n = ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail("read store journal", n < 0 ? errno : EIO);
        }
        done += static_cast<std::size_t>(n);
    }
    return out;
}

/// The length of the whole records at the front of `bytes`, each handed to `take`.
/// Errors: a record that is not the last one is damaged, or `take` refuses one.
template <class F>
result<std::size_t> each_record(std::string_view bytes, F take) {
    std::size_t at = 0;
    while (bytes.size() - at >= record_header) {
        change_reader header(bytes.substr(at, record_header));
        auto const length = header.u32();
        auto const sum = header.u32();
        auto const rest = bytes.substr(at + record_header);
        if (length > rest.size()) {
            break;
        }
        auto const changes = rest.substr(0, length);
        if (length == 0 || checksum(changes) != sum) {
            // Damage in the last record is a write cut short, anywhere else it is something worse.
            bool const is_blank = rest.find_first_not_of('\0') == std::string_view::npos;
            if (length == rest.size() || (length == 0 && is_blank)) {
                break;
            }
            return fail("read store journal", EIO,
                        "the record at byte " + std::to_string(magic.size() + at) + " is damaged");
        }
        if (!take(changes)) {
            return fail("read store journal", EIO,
                        "the record at byte " + std::to_string(magic.size() + at) +
                            " does not fit the ones before it");
        }
        at += record_header + length;
    }
    return at;
}

} // namespace

journal::journal(journal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , path_(std::move(other.path_))
    , pending_(std::move(other.pending_))
    , size_(other.size_)
    , compact_above_(other.compact_above_)
    , is_recovered_(other.is_recovered_) {}

journal& journal::operator=(journal&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    std::swap(pending_, other.pending_);
    std::swap(size_, other.size_);
    std::swap(compact_above_, other.compact_above_);
    std::swap(is_recovered_, other.is_recovered_);
    return *this;
}

journal::~journal() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

result<journal> journal::open(std::string path, server& s) {
    int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0) {
        return fail("open store journal", errno, path);
    }
    journal j(fd, std::move(path));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return fail("open store journal", errno, j.path_ + " is in use by another process");
    }
    XENPP_TRY(j.load(s));
    s.record_changes();
    if (j.is_recovered_) {
        s.begin_epoch();
        XENPP_TRY(j.commit(s));
    }
    return j;
}

result<void> journal::load(server& s) {
    auto const bytes = XENPP_TRY(read_all(fd_));
    auto const head = std::string_view(bytes).substr(0, magic.size());
    if (!magic.starts_with(head)) {
        return fail("open store journal", EINVAL, path_ + " is not a store journal");
    }
    if (head.size() < magic.size()) {
        // New, or its creator was killed in the middle of the first write.
        if (::ftruncate(fd_, 0) != 0) {
            return fail("write store journal", errno);
        }
        XENPP_TRY(write_all(fd_, magic));
        size_ = magic.size();
    } else {
        auto const whole = XENPP_TRY(each_record(std::string_view(bytes).substr(magic.size()),
                                                 [&](auto changes) { return s.restore(changes); }));
        size_ = magic.size() + whole;
        is_recovered_ = whole != 0;
        if (size_ != bytes.size() && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
            return fail("write store journal", errno);
        }
    }
    compact_above_ = std::max(least_compaction, 4 * std::uint64_t{s.snapshot().size()});
    return {};
}

result<void> journal::append(std::string_view changes) {
    auto const bytes = XENPP_TRY(record(changes));
    if (auto written = write_all(fd_, bytes); !written) {
        // A record that was cut short must not stand before others.
        if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
            return fail("write store journal", errno, "and the torn record cannot be taken back");
        }
        return written;
    }
    size_ += bytes.size();
    return {};
}

result<void> journal::commit(server& s) {
    pending_ += s.take_changes();
    if (pending_.empty()) {
        return {};
    }
    XENPP_TRY(append(pending_));
    pending_.clear();
    if (size_ > compact_above_ && !compact(s)) {
        // The old file is whole: it just grows on for a while.
        ::unlink(new_file().c_str());
        compact_above_ = size_ + least_compaction;
    }
    return {};
}

result<void> journal::compact(server const& s) {
    auto const snapshot = s.snapshot();
    auto const fresh = new_file();
    int const fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0) {
        return fail("compact store journal", errno, fresh);
    }
    journal next(fd, path_);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return fail("compact store journal", errno, fresh);
    }
    auto const bytes = std::string(magic) + XENPP_TRY(record(snapshot));
    XENPP_TRY(write_all(fd, bytes));
    // From this call on the new file is the journal; before it, nothing has happened.
    if (::rename(fresh.c_str(), path_.c_str()) != 0) {
        return fail("compact store journal", errno, path_);
    }
    next.size_ = bytes.size();
    next.compact_above_ = std::max(least_compaction, 4 * std::uint64_t{bytes.size()});
    next.is_recovered_ = is_recovered_;
    *this = std::move(next);
    return {};
}

} // namespace xenpp::store
