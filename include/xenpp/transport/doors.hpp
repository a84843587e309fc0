// SPDX-License-Identifier: Apache-2.0
// The doors to a hypervisor: hypercall, foreign memory, grants, event channels, xenstore.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/os/mapping.hpp>
#include <xenpp/transport/event_channels.hpp>
#include <xenpp/transport/foreign_mapping.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace xenpp::transport {

/// Memory that hypercall arguments may point to: `data` is where we find it, `address` what the
/// hypervisor is told.
struct hypercall_memory {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::uint64_t address = 0;
};

/// One piece of a `copy_grants`: bytes between our memory and one page that a domain granted.
struct grant_copy {
    grant_ref ref{};
    std::uint32_t offset = 0; ///< in the page; `offset + local.size()` is at most a page
    std::span<std::byte> local{};
    bool to_grant = false; ///< else from it
    /// OUT: whether it was done; a hostile domain can make any piece fail.
    bool is_done = false;
};

/// A connection to a hypervisor, as its control domain. Three kinds: a real Xen host (native.hpp),
/// our hypervisor in a machine (machine.hpp), our hypervisor in this process (sim.hpp). A
/// connection is for one thread at a time; a process may have several.
class doors {
public:
    doors() noexcept = default;
    doors(doors const&) = delete;
    doors& operator=(doors const&) = delete;
    virtual ~doors() = default;

    /// What the hypervisor returned: a value, or a negative errno. An error only when the door
    /// itself is broken (the machine is gone).
    virtual result<std::int64_t> hypercall(unsigned number,
                                           std::array<std::uint64_t, 6> const& arg) = 0;

    /// Zeroed memory for arguments, aligned to 64 bytes, to a page from a page on. ENOMEM. See
    /// `hypercall_buffer` for one that is given back by itself.
    virtual result<hypercall_memory> allocate(std::size_t size) = 0;
    virtual void release(hypercall_memory const& memory) noexcept = 0;

    /// Maps pages of a domain, in the order of `frames`. The first that cannot be mapped fails the
    /// call; the error names it.
    virtual result<foreign_mapping>
    map_foreign(domid d, std::span<gfn const> frames, os::access access) = 0;
    /// The same for consecutive pages.
    virtual result<foreign_mapping>
    map_foreign(domid d, gfn first, std::size_t count, os::access access) = 0;

    /// Copies bytes into a domain's memory from `at` on, which need not be aligned. Here by way of
    /// a mapping; a transport may know a faster one. Errors as of `map_foreign`.
    virtual result<void> write_foreign(domid d, gpa at, std::span<std::byte const> bytes);

    /// Maps pages that a domain granted to domain 0.
    virtual result<foreign_mapping>
    map_grants(domid d, std::span<grant_ref const> refs, os::access access) = 0;

    /// Copies between our memory and pages that a domain granted; the hypervisor does it, so that
    /// code in a page that is written to needs no further care (docs/architecture.md, "Decisions").
    /// Each piece says whether it was done. An error: the door is broken, or a piece is longer than
    /// a page has bytes behind its offset. Here by way of mappings; a transport may know a faster
    /// way.
    virtual result<void> copy_grants(domid d, std::span<grant_copy> pieces);

    /// Sends through a port of domain 0. Here by a hypercall, whose refusal is an error; a
    /// transport may know a faster way, by which nobody learns of it.
    virtual result<void> send_event(evtchn_port port);

    virtual result<std::unique_ptr<event_channels>> open_event_channels() = 0;

    /// Where xenstore's protocol is spoken: a Unix socket, or a device.
    virtual std::string store_path() const = 0;

    /// For people: what this is a connection to.
    virtual std::string description() const = 0;
};

} // namespace xenpp::transport
