// SPDX-License-Identifier: Apache-2.0
// Memory for page tables that remembers: what is allocated, in which order, and where to fail.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/base/strong.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace xenpp::fakes {

/// A model of mm::TableFrames. Wrong use throws: a table mapped after its release, or freed twice.
/// `observer` runs at every allocation and release, the moments at which a half-done change shows.
class table_frames {
public:
    using entry = std::uint64_t;
    using page = std::array<entry, 512>;

    enum class event_kind {
        allocate,
        fail,
        free,
    };

    struct event {
        event_kind kind;
        mfn frame;
    };

    /// Lets `n` allocations succeed, and fails the others.
    void fail_after(std::size_t n) { remaining_ = n; }

    void never_fail() { remaining_.reset(); }

    entry* map(mfn table) {
        auto const at = live_.find(table);
        if (at == live_.end()) {
            throw std::logic_error("a table is used that is not allocated");
        }
        return at->second->data();
    }

    expected<mfn, errc> allocate() {
        if (remaining_ && (*remaining_)-- == 0) {
            remaining_ = 0;
            record(event_kind::fail, mfn(0));
            return unexpected(errc::nomem);
        }
        mfn const frame(next_++);
        live_.emplace(frame, std::make_unique<page>());
        record(event_kind::allocate, frame);
        return frame;
    }

    void free(mfn table) {
        if (!live_.contains(table)) {
            throw std::logic_error("a table is freed that is not allocated");
        }
        record(event_kind::free, table);
        live_.erase(table);
    }

    std::size_t live() const { return live_.size(); }

    std::vector<event> const& history() const { return history_; }

    void forget_history() { history_.clear(); }

    std::function<void(event const&)> observer;

private:
    void record(event_kind kind, mfn frame) {
        history_.push_back({kind, frame});
        if (observer) {
            observer(history_.back());
        }
    }

    std::map<mfn, std::unique_ptr<page>> live_;
    std::vector<event> history_;
    std::optional<std::size_t> remaining_;
    std::uint64_t next_ = 0x1000;
};

} // namespace xenpp::fakes
