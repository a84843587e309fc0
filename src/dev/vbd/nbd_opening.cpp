// SPDX-License-Identifier: Apache-2.0
// Starting qemu-nbd or finding a server, without waiting for either.
#include <fmt/format.h>

#include <dev/vbd/nbd_opening.hpp>
#include <libnbd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenpp::dev::detail {

namespace {

constexpr std::string_view operation = "open disk image";

/// How often, and every how many milliseconds, a lock is looked at that a qemu-nbd of before may
/// still hold: it may have much to write when its client has died.
constexpr unsigned most_tries = 150;
constexpr long try_again_ms = 200;

std::string words_of_libnbd() {
    auto const* const words = nbd_get_error();
    return words != nullptr ? words : "its server has gone";
}

} // namespace

nbd_opening::nbd_opening(vbd_config config,
                         backend_services& services,
                         std::function<void()> opened)
    : config_(std::move(config)), services_(services), opened_(std::move(opened)) {
    start();
}

nbd_opening::~nbd_opening() {
    leave_fd();
}

void nbd_opening::start() {
    leave_fd();
    if (!is_nbd_uri(config_.target)) {
        if (auto const done = start_server(); !done) {
            finish(done.error());
        }
    } else if (auto const name = host_name_in(config_.target); !name.empty()) {
        if (auto const done = start_lookup(name); !done) {
            finish(done.error());
        }
    } else {
        uris_ = {config_.target};
        connect_next();
    }
}

result<void> nbd_opening::renew_handle() {
    handle_.reset(nbd_create());
    return handle_ ? result<void>() : fail(operation, ENOMEM, words_of_libnbd());
}

result<void> nbd_opening::start_server() {
    auto const name = services_.state_file("nbd.socket");
    if (name.empty()) {
        return fail(operation, config_.target + ": there is no folder for a socket");
    }
    XENPP_TRY(renew_handle());
    server_.emplace(XENPP_TRY(nbd_server::start(config_, name)));
    auto connection = server_->take_connection();
    if (nbd_aio_connect_socket(handle_.get(), connection.get()) < 0) {
        return unexpected(refusal(words_of_libnbd()));
    }
    static_cast<void>(connection.release()); // libnbd's now
    event();
    return {};
}

result<void> nbd_opening::start_lookup(std::string const& name) {
    lookup_.emplace(XENPP_TRY(host_lookup::start(name)));
    wait_for(lookup_->fd(), &nbd_opening::look_at_lookup);
    return {};
}

void nbd_opening::look_at_lookup() {
    auto const addresses = lookup_->answer();
    if (!addresses) {
        return;
    }
    leave_fd();
    lookup_.reset();
    if (addresses->empty()) {
        finish(refusal("its host is not known"));
        return;
    }
    for (auto a = addresses->rbegin(); a != addresses->rend(); ++a) {
        uris_.push_back(with_address(config_.target, *a));
    }
    connect_next();
}

void nbd_opening::connect_next() {
    auto const uri = std::move(uris_.back());
    uris_.pop_back();
    leave_fd();
    if (auto const done = renew_handle(); !done) {
        finish(done.error());
    } else if (nbd_aio_connect_uri(handle_.get(), uri.c_str()) == 0) {
        event();
    } else if (!uris_.empty()) {
        connect_next();
    } else {
        finish(refusal(words_of_libnbd()));
    }
}

void nbd_opening::event() {
    auto* const h = handle_.get();
    while (nbd_aio_is_connecting(h) == 1) {
        auto const before = nbd_aio_get_direction(h);
        int const moved = (before & LIBNBD_AIO_DIRECTION_WRITE) != 0  ? nbd_aio_notify_write(h)
                          : (before & LIBNBD_AIO_DIRECTION_READ) != 0 ? nbd_aio_notify_read(h)
                                                                      : -1;
        if (moved < 0 || nbd_aio_get_direction(h) == before) {
            break;
        }
    }
    if (nbd_aio_is_ready(h) == 1) {
        if (server_) {
            handle_.get_deleter().server = server_->is_met();
        }
        finish(std::nullopt);
    } else if (nbd_aio_is_connecting(h) == 1) {
        wait_for(nbd_aio_get_fd(h), &nbd_opening::event,
                 (nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_WRITE) != 0);
    } else if (!uris_.empty()) {
        connect_next();
    } else {
        auto const words = server_ ? server_->words() : std::string();
        if (words.find("lock") != std::string::npos && tries_++ != most_tries) {
            try_later();
            return;
        }
        finish(refusal(words.empty() ? words_of_libnbd() : words));
    }
}

/// Has `then` done when the descriptor, which may be another one than before, is ready.
void nbd_opening::wait_for(int fd, step then, bool to_write) {
    if (fd != waited_for_) {
        leave_fd();
    }
    if (auto const done = services_.add_fd(
            fd, [this, then] { (this->*then)(); }, to_write);
        !done) {
        finish(done.error());
        return;
    }
    waited_for_ = fd;
}

void nbd_opening::leave_fd() noexcept {
    if (waited_for_ >= 0) {
        services_.remove_fd(std::exchange(waited_for_, -1));
    }
}

void nbd_opening::try_later() {
    leave_fd();
    handle_.reset();
    server_.reset();
    if (!timer_) {
        timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    }
    itimerspec const once{{0, 0}, {0, try_again_ms * 1'000'000}};
    ::timerfd_settime(timer_.get(), 0, &once, nullptr);
    wait_for(timer_.get(), &nbd_opening::start);
}

error nbd_opening::refusal(std::string_view words) const {
    return {operation, 0, fmt::format("{}: {}", config_.target, words)};
}

void nbd_opening::finish(std::optional<error> e) {
    leave_fd();
    server_.reset();
    error_ = std::move(e);
    is_finished_ = true;
    services_.later(opened_);
}

result<std::unique_ptr<block_image>> nbd_opening::take() {
    if (!is_finished_) {
        return std::unique_ptr<block_image>();
    }
    if (error_) {
        return unexpected(*error_);
    }
    return make_nbd_image(std::move(handle_), config_);
}

} // namespace xenpp::dev::detail
