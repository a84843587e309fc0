// SPDX-License-Identifier: Apache-2.0
// What goes over evtchn.socket: requests and their replies; events come through a pipe.
#pragma once

#include <cstdint>

namespace xenpp::transport {

// A client connects (SOCK_SEQPACKET) and is sent one byte with the reading end of a pipe
// (SCM_RIGHTS). It then requests, one thing at a time, each answered by one reply. The broker
// writes the number of a port into the pipe, four bytes, when the port has an event, having masked
// it; the client unmasks it in domain 0's shared info, and sends `rescan` if it finds it pending
// again by then.

enum class evtchn_request_kind : std::uint32_t {
    bind_virq = 1,    ///< a: virq
    bind_interdomain, ///< a: domain, b: its port
    bind_unbound,     ///< a: domain
    unbind,           ///< a: port
    rescan,           ///< a: port
};

struct evtchn_request {
    evtchn_request_kind kind;
    std::uint32_t a;
    std::uint32_t b;
};

static_assert(sizeof(evtchn_request) == 12);

struct evtchn_reply {
    std::int32_t status; ///< 0 or a positive errno
    std::uint32_t port;  ///< of a bind
};

static_assert(sizeof(evtchn_reply) == 8);

/// Who carries requests out: the broker itself, or the socket to it.
class evtchn_binder {
public:
    evtchn_binder() noexcept = default;
    evtchn_binder(evtchn_binder const&) = delete;
    evtchn_binder& operator=(evtchn_binder const&) = delete;
    virtual ~evtchn_binder() = default;
    virtual evtchn_reply request(evtchn_request const& r) = 0;
};

} // namespace xenpp::transport
