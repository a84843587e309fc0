// SPDX-License-Identifier: Apache-2.0
// Hypercalls with their interface version, and errors that say what the hypervisor said.
#include <xenpp/abi/version.hpp>
#include <xenpp/ctl/call_count.hpp>
#include <xenpp/ctl/connection.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace xenpp::ctl {
namespace {

thread_local std::uint64_t calls = 0;

constexpr std::size_t quoted_lines = 8;
constexpr std::uint32_t console_ring_size = 32U << 10;

/// Failures that say all themselves, or belong to the normal course of things.
bool explains_itself(int code) noexcept {
    return code == ESRCH || code == ENOENT || code == EAGAIN || code == ERESTART || code == EBUSY;
}

/// Xen has one answer to a version of an interface that it does not have: EACCES.
error about_version(error e,
                    std::string_view interface,
                    std::uint32_t number,
                    interface_version const& v) {
    if (e.code == EACCES && e.detail.empty()) {
        e.detail = fmt::format("it does not take version {:#x} of its {} interface, as releases of "
                               "Xen {}.{} do: a build of another version needs the tools that came "
                               "with it (or its security policy, XSM, refuses this)",
                               number, interface, v.major, v.minor);
    }
    return e;
}

std::string last_lines(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) {
        text.pop_back();
    }
    std::size_t from = text.size();
    for (std::size_t n = 0; n != quoted_lines && from != 0; ++n) {
        auto const end = text.rfind('\n', from - 1);
        from = end == std::string::npos ? 0 : end;
    }
    return text.substr(from != 0 ? from + 1 : 0);
}

/// Reads the console ring from `position` on and moves it to the end. Nothing it cannot read is an
/// error: this serves diagnostics.
std::string read_ring(transport::doors& d, std::uint32_t version, std::uint32_t& position) {
    auto text = transport::hypercall_buffer<char>::create(d, console_ring_size);
    auto op = transport::hypercall_buffer<abi::sysctl>::create(d);
    if (!text || !op) {
        return {};
    }
    (*op)->cmd = static_cast<std::uint32_t>(abi::sysctl_op::readconsole);
    (*op)->interface_version = version;
    auto& read = (*op)->u.readconsole;
    read.incremental = 1;
    read.index = position;
    read.count = console_ring_size;
    read.buffer.p = text->address();
    auto const done = d.hypercall(static_cast<unsigned>(abi::hypercall::sysctl), {op->address()});
    if (!done || *done < 0) {
        return {};
    }
    position = read.index;
    return {text->data(), std::min<std::size_t>(read.count, text->size())};
}

} // namespace

result<connection> connection::open(transport::doors& d) {
    constexpr std::string_view what = "connect to the hypervisor";
    auto const number =
        XENPP_TRY(d.hypercall(static_cast<unsigned>(abi::hypercall::xen_version),
                              {static_cast<std::uint64_t>(abi::version_op::version)}));
    if (number < 0) {
        return fail(what, static_cast<int>(-number), "it does not tell its version");
    }
    auto const major = static_cast<unsigned>(number >> 16);
    auto const minor = static_cast<unsigned>(number & 0xffff);
    auto const* const version = find_interface(major, minor);
    if (version == nullptr) {
        auto const& oldest = supported_interfaces().front();
        auto const& newest = supported_interfaces().back();
        return fail(what, EOPNOTSUPP,
                    fmt::format("Xen {}.{} is not supported, only {}.{} to {}.{}: use the tools "
                                "that came with it",
                                major, minor, oldest.major, oldest.minor, newest.major,
                                newest.minor));
    }
    auto domctl = XENPP_TRY(transport::hypercall_buffer<abi::domctl>::create(d));
    auto sysctl = XENPP_TRY(transport::hypercall_buffer<abi::sysctl>::create(d));
    connection c(d, *version, std::move(domctl), std::move(sysctl));
    read_ring(d, version->sysctl, c.console_seen_); // what is old is nobody's explanation
    return c;
}

std::string connection::new_console_lines() {
    return last_lines(read_ring(*doors_, version_->sysctl, console_seen_));
}

unexpected<error> connection::refuse(subject const& what, int code) {
    error e{what.operation, code, {}, -1};
    if (what.domain) {
        e.domid = what.domain->raw();
    }
    if (code == ESRCH && what.domain) {
        e.detail = "there is no such domain";
    } else if (!explains_itself(code)) {
        if (auto const lines = new_console_lines(); !lines.empty()) {
            e.detail = "the hypervisor says: " + lines;
        }
    }
    return unexpected(std::move(e));
}

result<std::uint64_t> connection::call(subject const& what,
                                       abi::hypercall number,
                                       std::array<std::uint64_t, 6> const& args) {
    ++calls;
    auto answer = doors_->hypercall(static_cast<unsigned>(number), args);
    if (!answer) { // the door itself is broken
        auto e = std::move(answer.error());
        e.detail = fmt::format("{}: {}", what.operation, e.detail);
        return unexpected(std::move(e));
    }
    if (*answer < 0) {
        return refuse(what, static_cast<int>(-*answer));
    }
    return static_cast<std::uint64_t>(*answer);
}

result<void>
connection::domctl(std::string_view name, abi::domctl_op cmd, domid d, abi::domctl& op) {
    op.cmd = static_cast<std::uint32_t>(cmd);
    op.interface_version = version_->domctl;
    op.domain = d.raw();
    std::memcpy(domctl_.data(), &op, sizeof op);
    // A domain that is being made has no number yet.
    subject const what{name, cmd == abi::domctl_op::createdomain ? std::nullopt : std::optional(d)};
    auto const done = call(what, abi::hypercall::domctl, {domctl_.address()});
    std::memcpy(&op, domctl_.data(), sizeof op); // partial progress too
    if (!done) {
        return unexpected(about_version(done.error(), "domctl", version_->domctl, *version_));
    }
    return {};
}

result<void> connection::sysctl(std::string_view name, abi::sysctl_op cmd, abi::sysctl& op) {
    op.cmd = static_cast<std::uint32_t>(cmd);
    op.interface_version = version_->sysctl;
    std::memcpy(sysctl_.data(), &op, sizeof op);
    auto const done = call({name}, abi::hypercall::sysctl, {sysctl_.address()});
    if (!done) {
        return unexpected(about_version(done.error(), "sysctl", version_->sysctl, *version_));
    }
    std::memcpy(&op, sysctl_.data(), sizeof op);
    return {};
}

std::uint64_t calls_made() noexcept {
    return calls;
}

} // namespace xenpp::ctl
