// SPDX-License-Identifier: Apache-2.0
// A domain's console: where its terminal and its log are, and a way to sit down at it.
#pragma once

#include <xenpp/base/error.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace xenpp {

class domain;

namespace detail {
struct domain_ref;
} // namespace detail

/// How `console::attach` came to its end.
enum class console_end : std::uint8_t {
    escape,      ///< the user typed Ctrl-]
    domain_gone, ///< the domain ended, or its terminal did
    input_ended, ///< nothing more to read at `in`
};

/// A handle, as `domain` is one.
class console {
public:
    /// The path of the terminal, once the console backend has made it (waits at most `timeout`).
    result<std::string> tty(std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

    /// The path of the file that holds all the domain ever wrote; empty on a host that keeps none.
    result<std::string> log() const;

    /// Connects `in` and `out` (descriptors) with the terminal until Ctrl-] is read, the domain is
    /// gone or `in` ends. A terminal at `in` is put into raw mode meanwhile.
    result<console_end> attach(int in, int out) const;

private:
    friend class domain;

    explicit console(std::shared_ptr<detail::domain_ref const> d) noexcept
        : domain_(std::move(d)) {}

    std::shared_ptr<detail::domain_ref const> domain_;
};

} // namespace xenpp
