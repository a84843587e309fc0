// SPDX-License-Identifier: Apache-2.0
// A second connection to a simulated host whose n-th hypercall or n-th store request fails.
#pragma once

#include <xenpp/host_parts.hpp>
#include <xenpp/store/connection.hpp>
#include <xenpp/transport/doors.hpp>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace xenpp::fakes {

/// Counts, and says when to fail.
class fuse {
public:
    void fail_at(std::uint64_t n) noexcept {
        left_ = n;
        has_failed_ = false;
    }

    void fail_never() noexcept { fail_at(std::numeric_limits<std::uint64_t>::max()); }

    bool has_failed() const noexcept { return has_failed_; }

protected:
    bool burn() noexcept {
        bool const now = left_-- == 0;
        has_failed_ = has_failed_ || now;
        return now;
    }

private:
    std::uint64_t left_ = std::numeric_limits<std::uint64_t>::max();
    bool has_failed_ = false;
};

class failing_doors final : public transport::doors, public fuse {
public:
    explicit failing_doors(transport::doors& inner) noexcept : inner_(inner) {}

    result<std::int64_t> hypercall(unsigned number,
                                   std::array<std::uint64_t, 6> const& arg) override {
        return burn() ? std::int64_t{-ENOMEM} : inner_.hypercall(number, arg);
    }

    result<transport::hypercall_memory> allocate(std::size_t size) override {
        return inner_.allocate(size);
    }

    void release(transport::hypercall_memory const& m) noexcept override { inner_.release(m); }

    result<transport::foreign_mapping>
    map_foreign(domid d, std::span<gfn const> frames, os::access a) override {
        if (burn()) {
            return fail("map foreign pages", ENOMEM);
        }
        return inner_.map_foreign(d, frames, a);
    }

    result<transport::foreign_mapping>
    map_foreign(domid d, gfn first, std::size_t count, os::access a) override {
        if (burn()) {
            return fail("map foreign pages", ENOMEM);
        }
        return inner_.map_foreign(d, first, count, a);
    }

    result<transport::foreign_mapping>
    map_grants(domid d, std::span<grant_ref const> refs, os::access a) override {
        return inner_.map_grants(d, refs, a);
    }

    result<std::unique_ptr<transport::event_channels>> open_event_channels() override {
        return inner_.open_event_channels();
    }

    std::string store_path() const override { return inner_.store_path(); }

    std::string description() const override { return inner_.description(); }

private:
    transport::doors& inner_;
};

/// Requests go to another client's connection.
class failing_store final : public store::connection, public fuse {
public:
    explicit failing_store(std::unique_ptr<store::connection> inner) : inner_(std::move(inner)) {}

    result<store::message> ask(store::message request) override {
        if (burn()) {
            return store::message{store::op::error, 0, 0, std::string("ENOSPC\0", 7)};
        }
        return inner_->ask(std::move(request));
    }

    result<std::optional<store::message>> next_event(int timeout_ms) override {
        return inner_->next_event(timeout_ms);
    }

    int event_fd() const noexcept override { return inner_->event_fd(); }

private:
    std::unique_ptr<store::connection> inner_;
};

/// A host over the machine and the store of another one.
template <class Bed>
class failing_host {
public:
    explicit failing_host(Bed& bed)
        : doors_(std::make_shared<failing_doors>(bed.session().doors())) {
        auto store = std::make_unique<failing_store>(bed.session().connect_store().value());
        store_ = store.get();
        host_parts parts;
        parts.kind = host_kind::sim;
        parts.doors = doors_;
        parts.store = std::move(store);
        parts.turn = [&bed](int) { bed.session().turn(); };
        host_.emplace(assemble_host(std::move(parts)).value());
    }

    xenpp::host& host() { return *host_; }

    failing_doors& doors() { return *doors_; }

    failing_store& store() { return *store_; }

private:
    std::shared_ptr<failing_doors> doors_;
    failing_store* store_ = nullptr;
    std::optional<xenpp::host> host_;
};

} // namespace xenpp::fakes
