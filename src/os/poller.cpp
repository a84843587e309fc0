// SPDX-License-Identifier: Apache-2.0
// The poller over epoll: one descriptor a source, its handler found by that descriptor.
#include <xenpp/os/file.hpp>
#include <xenpp/os/poller.hpp>

#include <sys/epoll.h>

#include <array>

namespace xenpp::os {

namespace {

result<void> control(int epoll, int operation, int fd, std::uint64_t tag, bool to_write) {
    epoll_event e{};
    e.events = EPOLLIN | (to_write ? std::uint32_t{EPOLLOUT} : 0U);
    e.data.u64 = tag;
    if (::epoll_ctl(epoll, operation, fd, &e) != 0) {
        return fail_errno("epoll_ctl");
    }
    return {};
}

} // namespace

result<poller> poller::create() {
    unique_fd fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!fd) {
        return fail_errno("epoll_create");
    }
    return poller(std::move(fd));
}

result<void> poller::add(int fd, std::uint64_t tag, bool to_write) {
    return control(epoll_.get(), EPOLL_CTL_ADD, fd, tag, to_write);
}

result<void> poller::modify(int fd, std::uint64_t tag, bool to_write) {
    return control(epoll_.get(), EPOLL_CTL_MOD, fd, tag, to_write);
}

void poller::remove(int fd) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::vector<poller::ready> poller::wait(int timeout_ms) const {
    std::array<epoll_event, 32> events{};
    int const n =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    std::vector<ready> out;
    for (int i = 0; i < n; ++i) {
        auto const& e = events[static_cast<std::size_t>(i)];
        out.push_back({e.data.u64, (e.events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0,
                       (e.events & EPOLLOUT) != 0});
    }
    return out;
}

} // namespace xenpp::os
