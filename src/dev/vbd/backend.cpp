// SPDX-License-Identifier: Apache-2.0
// A disk's life: image, rings, and what is kept for a successor.
#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/dev/vbd/nodes.hpp>

#include <fmt/format.h>

#include <dev/vbd/open_image.hpp>
#include <dev/vbd/queue.hpp>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace xenpp::dev {

namespace {

class vbd_backend final : public backend {
public:
    vbd_backend(backend_context context, image_opener open)
        : context_(std::move(context)), open_(std::move(open)) {}

    ~vbd_backend() override {
        stop_serving();
        leave_image();
        image_.reset(); // what is in flight ends before its memory goes
    }

    result<std::optional<node_list>> prepare() override;
    result<node_list> connect(bool is_resumed) override;
    bool disconnect() noexcept override;
    node_list statistics() const override;

private:
    /// What there is while connected. The queues go first.
    struct connection {
        connection(backend_services& services, domid guest, bool is_persistent, vbd_inflight record)
            : pages(services.doors(), guest, is_persistent), inflight(std::move(record)) {}

        std::vector<transport::foreign_mapping> rings;
        std::vector<evtchn_port> ports;
        vbd_guest_pages pages;
        vbd_inflight inflight;
        std::optional<vbd_shared> shared;
        std::vector<std::unique_ptr<vbd_queue>> queues;
    };

    result<std::unique_ptr<connection>> open_rings(vbd_frontend const& f, bool is_resumed);
    result<void> bind(vbd_frontend const& f);
    void run(std::size_t queue);
    void turn();
    result<void> watch_image();
    void leave_image() noexcept;
    void come_again();
    void stop_serving() noexcept;
    void let_go() noexcept;
    bool is_idle() const noexcept;
    void break_off(error e);

    std::string record_path() const {
        return context_.services.state_file(vbd_record_name(context_.address));
    }

    backend_context context_;
    image_opener open_;
    vbd_config config_;
    std::unique_ptr<connection> connection_; ///< before the image: it outlives what is in flight
    std::unique_ptr<block_image> image_;
    bool is_serving_ = false; ///< takes requests
    bool is_disconnecting_ = false;
    int polled_ = -1; ///< the image's descriptor as it was added
    bool is_polled_to_write_ = false;
    bool is_coming_again_ = false;
    std::shared_ptr<bool> is_here_ = std::make_shared<bool>(true); ///< for what was put off
};

result<std::optional<node_list>> vbd_backend::prepare() {
    if (!image_) {
        config_ = XENPP_TRY(read_vbd_config(context_.store, context_.address));
        image_ = XENPP_TRY(open_(config_, context_.prepared));
        if (!image_) {
            return std::optional<node_list>();
        }
    }
    return std::optional(vbd_features(image_->info()));
}

result<vbd_inflight>
open_record(std::string const& path, bool is_resumed, std::uint32_t queues, std::uint32_t entries) {
    return is_resumed ? vbd_inflight::open(path, queues, entries)
                      : vbd_inflight::create(path, queues, entries);
}

result<std::unique_ptr<vbd_backend::connection>> vbd_backend::open_rings(vbd_frontend const& f,
                                                                         bool is_resumed) {
    auto& services = context_.services;
    auto const count = static_cast<std::uint32_t>(f.rings.size());
    auto const entries = ring::entries_in<abi::blkif_request, abi::blkif_response>(
        f.rings.front().pages.size() * page_size);
    auto record = XENPP_TRY(open_record(record_path(), is_resumed, count, entries));
    auto c = std::make_unique<connection>(services, context_.address.frontend, f.is_persistent,
                                          std::move(record));
    auto const& info = image_->info();
    c->shared.emplace(vbd_shared{
        {info.size / vbd_sector_size, info.is_read_only, info.can_flush, info.can_discard},
        *image_,
        c->pages,
        c->inflight});
    for (std::uint32_t q = 0; q != count; ++q) {
        c->rings.push_back(XENPP_TRY(services.doors().map_grants(
            context_.address.frontend, f.rings[q].pages, os::access::read_write)));
        c->queues.push_back(
            std::make_unique<vbd_queue>(*c->shared, q, c->rings.back().bytes(), is_resumed));
    }
    return c;
}

result<node_list> vbd_backend::connect(bool is_resumed) {
    auto const f = XENPP_TRY(read_vbd_frontend(context_.store, context_.address));
    connection_ = XENPP_TRY(open_rings(f, is_resumed));
    XENPP_TRY(bind(f));
    is_serving_ = true;
    if (is_resumed) {
        for (auto const& q : connection_->queues) {
            if (!q->resume()) {
                return fail("go on with disk", EINVAL,
                            "the ring does not fit what is known of its requests");
            }
        }
        come_again();
        // The one before us may have died between its last answers and the event for them.
        for (auto const port : connection_->ports) {
            context_.services.notify(port);
        }
    }
    XENPP_TRY(watch_image());
    return vbd_properties(config_, image_->info());
}

result<void> vbd_backend::bind(vbd_frontend const& f) {
    for (std::size_t q = 0; q != f.rings.size(); ++q) {
        connection_->ports.push_back(XENPP_TRY(context_.services.bind(
            context_.address.frontend, f.rings[q].port, [this, q] { run(q); })));
    }
    return {};
}

/// The guest has something on a ring.
void vbd_backend::run(std::size_t queue) {
    if (is_serving_ && !connection_->queues[queue]->run()) {
        break_off(error{"disk", EINVAL, "its ring's indices cannot be; it is served no more",
                        context_.address.frontend.raw()});
    }
    turn();
}

/// Has the image do what was submitted, answers what it has done, and goes on with what that makes
/// room for.
void vbd_backend::turn() {
    if (!connection_) {
        return;
    }
    image_->start();
    image_->poll([this](std::uint64_t tag, int e) {
        connection_->queues[tag >> 32]->done(static_cast<std::uint32_t>(tag), e);
    });
    bool has_more = false;
    for (std::size_t q = 0; q != connection_->queues.size(); ++q) {
        auto const told = connection_->queues[q]->answer();
        if (!told) {
            break_off(told.error());
        } else if (*told && is_serving_) {
            context_.services.notify(connection_->ports[q]);
        }
        has_more = has_more || connection_->queues[q]->has_more();
    }
    if (is_disconnecting_ && is_idle()) {
        is_disconnecting_ = false;
        let_go();
        context_.disconnected();
        return;
    }
    if (auto const watched = watch_image(); !watched) {
        break_off(watched.error());
        come_again(); // what is in flight ends all the same
    }
    if (has_more && is_serving_) {
        come_again();
    }
}

/// Due whenever the image has done something, for its descriptor may be closed by then. Only what
/// changes costs something.
result<void> vbd_backend::watch_image() {
    int const fd = image_->fd();
    bool const to_write = image_->wants_to_write();
    if (fd == polled_ && to_write == is_polled_to_write_) {
        return {};
    }
    if (fd < 0 && polled_ >= 0) {
        context_.services.log(
            fmt::format("{}: the server of {} has gone; all requests fail until the disk is "
                        "detached and attached again",
                        to_string(context_.address), config_.target));
    }
    if (fd != polled_) {
        leave_image();
    }
    if (fd >= 0) {
        XENPP_TRY(context_.services.add_fd(
            fd, [this] { turn(); }, to_write));
        polled_ = fd;
        is_polled_to_write_ = to_write;
    }
    return {};
}

void vbd_backend::leave_image() noexcept {
    if (polled_ >= 0) {
        context_.services.remove_fd(std::exchange(polled_, -1));
        is_polled_to_write_ = false;
    }
}

/// Looks at all rings, in another turn of the loop.
void vbd_backend::come_again() {
    if (std::exchange(is_coming_again_, true)) {
        return;
    }
    context_.services.later([this, here = std::weak_ptr<bool>(is_here_)] {
        if (here.expired()) {
            return;
        }
        is_coming_again_ = false;
        for (std::size_t q = 0; connection_ && q != connection_->queues.size(); ++q) {
            run(q);
        }
    });
}

void vbd_backend::break_off(error e) {
    if (std::exchange(is_serving_, false)) {
        context_.failed(std::move(e));
    }
}

bool vbd_backend::is_idle() const noexcept {
    for (auto const& q : connection_->queues) {
        if (!q->is_idle()) {
            return false;
        }
    }
    return true;
}

void vbd_backend::stop_serving() noexcept {
    is_serving_ = false;
    if (connection_) {
        for (auto const port : std::exchange(connection_->ports, {})) {
            context_.services.unbind(port);
        }
    }
}

/// Nothing is in flight any more.
void vbd_backend::let_go() noexcept {
    leave_image();
    connection_.reset();
    image_.reset();
}

bool vbd_backend::disconnect() noexcept {
    if (is_disconnecting_) {
        return false;
    }
    stop_serving();
    // Now: by the time that all is done the name may be of another disk's record.
    if (auto const path = record_path(); !path.empty()) {
        ::unlink(path.c_str());
    }
    if (!connection_ || is_idle()) {
        let_go();
        return true;
    }
    is_disconnecting_ = true;
    come_again(); // of what is done already, no descriptor tells
    return false;
}

node_list vbd_backend::statistics() const {
    if (!connection_) {
        return {};
    }
    auto const& s = connection_->inflight.statistics();
    return {
        {"oo_req", std::to_string(s.out_of_requests)},  {"rd_req", std::to_string(s.reads)},
        {"wr_req", std::to_string(s.writes)},           {"rd_sect", std::to_string(s.read_sectors)},
        {"wr_sect", std::to_string(s.written_sectors)}, {"f_req", std::to_string(s.flushes)},
        {"ds_req", std::to_string(s.discards)}};
}

} // namespace

std::string vbd_record_name(device_address const& a) {
    return fmt::format("{}-{}-{}", a.kind, a.frontend.raw(), a.id);
}

std::unique_ptr<backend> make_vbd_backend(backend_context context, image_opener open) {
    return std::make_unique<vbd_backend>(std::move(context), std::move(open));
}

result<std::unique_ptr<backend>> make_vbd_backend(backend_context context) {
    auto const source = std::make_shared<detail::image_source>(context.services);
    return make_vbd_backend(std::move(context),
                            [source](vbd_config const& c, std::function<void()> opened) {
                                return source->open(c, std::move(opened));
                            });
}

} // namespace xenpp::dev
