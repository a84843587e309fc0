// SPDX-License-Identifier: Apache-2.0
// Log files, and the state that ties each to its domain and ring.
#include <xenpp/dev/console/log.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "console log";

/// The state file, followed by the name. `difference` is changed in place: four bytes of one
/// pwrite are all written or none when the process is killed.
struct state_head {
    std::uint32_t magic;
    std::uint32_t difference;
    std::uint64_t inode;
    std::array<std::uint8_t, 16> uuid;
};

static_assert(sizeof(state_head) == 32);

constexpr std::uint32_t state_magic = 0x786c6f67; // "golx"

struct file_facts {
    std::uint64_t inode = 0; ///< 0: there is none
    std::uint64_t size = 0;
};

file_facts facts_of(int fd) noexcept {
    struct stat s {};

    if (::fstat(fd, &s) != 0) {
        return {};
    }
    return {s.st_ino, static_cast<std::uint64_t>(s.st_size)};
}

/// The log that has this name becomes the previous one. An empty one is left: it is nobody's loss,
/// and may be of an attempt that was killed.
result<void> make_way(std::string const& path) {
    struct stat s {};

    if (::stat(path.c_str(), &s) == 0 && s.st_size != 0 &&
        ::rename(path.c_str(), (path + ".1").c_str()) != 0) {
        return os::fail_errno(operation, path);
    }
    return {};
}

} // namespace

std::string console_log::log_path(std::string_view name) const {
    std::string file(name);
    std::ranges::replace(file, '/', '_');
    return folder_ + "/" + file + ".log";
}

std::string console_log::state_path() const {
    return fmt::format("{}/{}.state", folder_, owner_.id.raw());
}

result<console_log> console_log::open(std::string folder,
                                      console_owner owner,
                                      std::uint32_t position,
                                      std::uint64_t size_limit) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return os::fail_errno(operation, folder);
    }
    console_log log;
    log.folder_ = std::move(folder);
    log.owner_ = std::move(owner);
    log.size_limit_ = size_limit;
    if (!log.find_own()) {
        XENPP_TRY(log.begin(position));
    }
    return log;
}

/// The log that the state file names, under any of the names that a kill at any moment of `rename`
/// or `begin` may have left it.
bool console_log::find_own() {
    auto const text = os::read_file(state_path());
    state_head head{};
    if (!text || text->size() < sizeof head) {
        return false;
    }
    std::memcpy(&head, text->data(), sizeof head);
    if (head.magic != state_magic || head.uuid != owner_.uuid) {
        return false;
    }
    auto const then = log_path(text->substr(sizeof head));
    auto const now = log_path(owner_.name);
    for (auto const& path : {then, now, then + ".1"}) {
        auto fd = os::open_file(path, O_WRONLY | O_APPEND);
        auto const facts = fd ? facts_of(fd->get()) : file_facts{};
        if (facts.inode == 0 || facts.inode != head.inode) {
            continue;
        }
        auto state = os::open_file(state_path(), O_WRONLY);
        if (!state) {
            return false;
        }
        path_ = path;
        log_ = *std::move(fd);
        state_ = *std::move(state);
        inode_ = facts.inode;
        size_ = facts.size;
        difference_ = head.difference;
        return path == now || rename(owner_.name).has_value();
    }
    return false;
}

result<void> console_log::begin(std::uint32_t position) {
    path_ = log_path(owner_.name);
    XENPP_TRY(make_way(path_));
    log_ = XENPP_TRY(os::open_file(path_, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
    inode_ = facts_of(log_.get()).inode;
    size_ = 0;
    difference_ = position;
    return write_state();
}

result<void> console_log::write_state() {
    state_head const head{state_magic, difference_, inode_, owner_.uuid};
    std::string text(sizeof head, '\0');
    std::memcpy(text.data(), &head, sizeof head);
    XENPP_TRY(os::replace_file(state_path(), text + owner_.name));
    state_ = XENPP_TRY(os::open_file(state_path(), O_WRONLY));
    return {};
}

result<void> console_log::set_position(std::uint32_t position) {
    difference_ = position - static_cast<std::uint32_t>(size_);
    if (::pwrite(state_.get(), &difference_, sizeof difference_,
                 offsetof(state_head, difference)) != sizeof difference_) {
        return os::fail_errno(operation, state_path());
    }
    return {};
}

result<void> console_log::append(std::string_view output) {
    if (size_ >= size_limit_) {
        // If that fails, the old one grows on, and the next time tries again.
        static_cast<void>(begin(position()));
    }
    while (!output.empty()) {
        auto const n = ::write(log_.get(), output.data(), output.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            auto const failed = os::fail_errno(operation, path_);
            XENPP_TRY(set_position(position() + static_cast<std::uint32_t>(output.size())));
            return failed;
        }
        size_ += static_cast<std::uint64_t>(n);
        output.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

result<void> console_log::rename(std::string name) {
    auto const to = log_path(name);
    owner_.name = std::move(name);
    if (to != path_) {
        XENPP_TRY(make_way(to));
        if (::rename(path_.c_str(), to.c_str()) != 0) {
            return os::fail_errno(operation, to);
        }
        path_ = to;
    }
    return write_state();
}

void console_log::finish() noexcept {
    ::unlink(state_path().c_str());
}

} // namespace xenpp::dev
