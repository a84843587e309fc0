// SPDX-License-Identifier: Apache-2.0
// A domain's memory: what it has, what it shall have, what it may have.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/memory_size.hpp>

#include <memory>
#include <utility>

namespace xenpp {

class domain;

namespace detail {
struct domain_ref;
} // namespace detail

/// A handle, as `domain` is one.
class memory {
public:
    /// What the domain has now.
    result<kib> current() const;

    /// What its balloon driver was asked to come to.
    result<kib> target() const;

    /// Asks its balloon driver to come to `size`, and lets it have that much. An error if that is
    /// more than the domain was built for (static maximum), or nothing.
    result<void> set_target(kib size) const;

    result<void> set_target(mib size) const { return set_target(kib(size)); }

    /// What the domain may have at most, as the hypervisor holds it.
    result<kib> max() const;

    /// Changes what it may have at most. An error below what it has.
    result<void> set_max(kib size) const;

    result<void> set_max(mib size) const { return set_max(kib(size)); }

private:
    friend class domain;

    explicit memory(std::shared_ptr<detail::domain_ref const> d) noexcept : domain_(std::move(d)) {}

    std::shared_ptr<detail::domain_ref const> domain_;
};

} // namespace xenpp
