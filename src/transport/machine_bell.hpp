// SPDX-License-Identifier: Apache-2.0
// The doorbell of a machine: a FIFO each way behind its second serial port.
#pragma once

#include <xenpp/link/layout.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <transport/link_client.hpp>

#include <optional>
#include <string>

namespace xenpp::transport {

/// Rings `bell.in`. Waits on the slot's word until who answers the bell wakes it, or, where that is
/// us, on `bell.out`.
class machine_bell final : public bell {
public:
    machine_bell(os::unique_fd in,
                 os::process qemu,
                 std::string console,
                 std::byte* window) noexcept
        : in_(std::move(in))
        , qemu_(std::move(qemu))
        , console_(std::move(console))
        , window_(window) {}

    /// From now on we answer the bell: `out` is what the machine rings.
    result<void> answer_from(os::unique_fd out);

    void ring() noexcept override;
    void
    wait(std::uint32_t const& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept override;
    result<void> check() override;

    /// Readable when it rang and `answer` was not called since; -1 if we do not answer it.
    int fd() const noexcept { return both_ ? both_->fd() : -1; }

    os::process const& qemu() const noexcept { return qemu_; }

    /// Reads what rang and wakes the owners of slots that wait. True if it rang since the last
    /// call.
    bool answer() noexcept;

private:
    bool hear() noexcept;

    os::unique_fd in_;
    os::unique_fd out_;
    os::unique_fd heard_; ///< an eventfd: it rang while we waited for an answer ourselves
    std::optional<os::poller> both_;
    os::process qemu_;
    std::string console_;
    std::byte* window_;
};

} // namespace xenpp::transport
