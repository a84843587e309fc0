// SPDX-License-Identifier: Apache-2.0
// Noting requests: every change is one store that makes it so, after the stores that prepare it.
#include <xenpp/base/atomic.hpp>
#include <xenpp/dev/vbd/inflight.hpp>
#include <xenpp/os/file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace xenpp::dev {

namespace {

constexpr std::string_view operation = "open the record of a disk's requests";
/// "xenppvbd", little-endian.
constexpr std::uint64_t file_magic = 0x6462'7670'706e'6578;

} // namespace

vbd_inflight::vbd_inflight(os::mapping file, std::uint32_t queues, std::uint32_t entries)
    : file_(std::move(file)), entries_(entries), free_(queues) {}

std::size_t vbd_inflight::size_for(std::uint32_t queues, std::uint32_t entries) noexcept {
    auto const n =
        sizeof(header) +
        std::size_t{queues} * (sizeof(queue_record) + std::size_t{entries} * sizeof(slot_record));
    return (n + page_size - 1) / page_size * page_size;
}

vbd_inflight::queue_record& vbd_inflight::queue_at(std::uint32_t queue) const noexcept {
    return *reinterpret_cast<queue_record*>(
        file_.data() + sizeof(header) +
        queue * (sizeof(queue_record) + entries_ * sizeof(slot_record)));
}

vbd_inflight::slot_record& vbd_inflight::at(std::uint32_t queue,
                                            std::uint32_t slot) const noexcept {
    auto* const first = reinterpret_cast<std::byte*>(&queue_at(queue)) + sizeof(queue_record);
    return *reinterpret_cast<slot_record*>(first + slot * sizeof(slot_record));
}

result<vbd_inflight>
vbd_inflight::create(std::string const& path, std::uint32_t queues, std::uint32_t entries) {
    auto const size = size_for(queues, entries);
    os::mapping pages;
    if (path.empty()) {
        pages = XENPP_TRY(os::mapping::anonymous(size));
    } else {
        // Another name for a new file: whoever still looks at the old one sees no mixture.
        ::unlink(path.c_str());
        auto const fd = XENPP_TRY(os::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
        // All of it exists: a full disk is met here, and not as a signal later.
        if (auto const e = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size)); e != 0) {
            return fail(operation, e, path);
        }
        pages = XENPP_TRY(os::mapping::of_file(fd.get(), 0, size, os::access::read_write));
    }
    vbd_inflight r(std::move(pages), queues, entries);
    r.head().queues = queues;
    r.head().entries = entries;
    for (auto& slots : r.free_) {
        for (auto i = entries; i-- != 0;) {
            slots.push_back(i);
        }
    }
    atomic_store(r.head().magic, file_magic);
    return r;
}

result<vbd_inflight>
vbd_inflight::open(std::string const& path, std::uint32_t queues, std::uint32_t entries) {
    auto const size = size_for(queues, entries);
    auto const fd = XENPP_TRY(os::open_file(path, O_RDWR));
    if (::lseek(fd.get(), 0, SEEK_END) != static_cast<off_t>(size)) {
        return fail(operation, EINVAL, path + " is for other rings");
    }
    vbd_inflight r(XENPP_TRY(os::mapping::of_file(fd.get(), 0, size, os::access::read_write)),
                   queues, entries);
    auto const& h = r.head();
    if (h.magic != file_magic || h.queues != queues || h.entries != entries) {
        return fail(operation, EINVAL, path + " is for other rings");
    }
    return r;
}

result<vbd_statistics> vbd_inflight::read_statistics(std::string const& path) {
    auto const fd = XENPP_TRY(os::open_file(path, O_RDONLY));
    header h{};
    if (::pread(fd.get(), &h, sizeof h, 0) != static_cast<ssize_t>(sizeof h) ||
        h.magic != file_magic) {
        return fail("read a disk's counts", EINVAL, path);
    }
    return h.statistics;
}

std::uint32_t vbd_inflight::taken(std::uint32_t queue) const noexcept {
    return queue_at(queue).taken;
}

std::uint32_t vbd_inflight::note(std::uint32_t queue, abi::blkif_request const& raw) noexcept {
    auto& q = queue_at(queue);
    auto const slot = free_[queue].back();
    free_[queue].pop_back();
    auto& s = at(queue, slot);
    s.raw = raw;
    s.index = q.taken;
    atomic_store(s.state, slot_state::taken);
    atomic_store(q.taken, q.taken + 1);
    return slot;
}

void vbd_inflight::answered(std::uint32_t queue, std::uint32_t slot, std::uint32_t index) noexcept {
    auto& s = at(queue, slot);
    // Between these two stores the slot is a request with a wrong index, which `recover` takes for
    // one to be done again: it is, for the answer is not shown.
    atomic_store(s.index, index);
    atomic_store(s.state, slot_state::answered);
}

void vbd_inflight::shown(std::uint32_t queue, std::span<std::uint32_t const> slots) noexcept {
    for (auto const slot : slots) {
        atomic_store(at(queue, slot).state, slot_state::unused);
        free_[queue].push_back(slot);
    }
}

std::optional<std::vector<std::uint32_t>> vbd_inflight::recover(std::uint32_t queue,
                                                                std::uint32_t rsp_prod) {
    std::vector<std::uint32_t> again;
    auto& q = queue_at(queue);
    free_[queue].clear();
    for (std::uint32_t slot = 0; slot != entries_; ++slot) {
        auto& s = at(queue, slot);
        // A request that was noted last, and not yet counted, is still in the ring.
        bool const is_new = s.state == slot_state::taken && s.index == q.taken;
        bool const is_shown =
            s.state == slot_state::answered && static_cast<std::int32_t>(rsp_prod - s.index) > 0;
        if (s.state == slot_state::unused || is_new || is_shown) {
            s.state = slot_state::unused;
            free_[queue].push_back(slot);
        } else {
            s.state = slot_state::taken;
            s.index = q.taken - 1;
            again.push_back(slot);
        }
    }
    return again.size() == q.taken - rsp_prod ? std::optional(std::move(again)) : std::nullopt;
}

} // namespace xenpp::dev
