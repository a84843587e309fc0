// SPDX-License-Identifier: Apache-2.0
// A domain that is destroyed unless somebody declares it finished.
#pragma once

#include <xenpp/ctl/connection.hpp>
#include <xenpp/ctl/domctl.hpp>

#include <utility>

namespace xenpp::builder {

/// Owns a domain while it is being built.
class unfinished_domain {
public:
    unfinished_domain() noexcept = default;

    /// Takes over a domain that was just created. `c` must outlive this object.
    unfinished_domain(ctl::connection& c, domid d) noexcept : connection_(&c), id_(d) {}

    unfinished_domain(unfinished_domain&& o) noexcept
        : connection_(std::exchange(o.connection_, nullptr)), id_(o.id_) {}

    unfinished_domain& operator=(unfinished_domain&& o) noexcept {
        std::swap(connection_, o.connection_);
        std::swap(id_, o.id_);
        return *this;
    }

    unfinished_domain(unfinished_domain const&) = delete;
    unfinished_domain& operator=(unfinished_domain const&) = delete;

    /// A failure to destroy is not reported: the domain is then the monitor's to remove.
    ~unfinished_domain() {
        if (connection_ != nullptr) {
            static_cast<void>(ctl::destroy_domain(*connection_, id_).has_value());
        }
    }

    domid id() const noexcept { return id_; }

    /// The domain is complete, and nobody's any more.
    domid release() noexcept {
        connection_ = nullptr;
        return id_;
    }

private:
    ctl::connection* connection_ = nullptr;
    domid id_{};
};

} // namespace xenpp::builder
