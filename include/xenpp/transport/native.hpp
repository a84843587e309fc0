// SPDX-License-Identifier: Apache-2.0
// A real Xen host, of which this is the control domain.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/transport/doors.hpp>

#include <memory>
#include <optional>

namespace xenpp::transport::native {

struct options {
    /// Gives up, for this connection and for good, the right to touch any domain but this one.
    /// Linux then refuses all hypercalls but device-model operations; mapping, event channels and
    /// grants of that domain stay.
    std::optional<domid> restrict_to{};
};

/// Whether this computer is the control domain of a Xen host.
bool available();

/// Opens Linux's devices: privcmd and hypercall now, evtchn and gntdev when they are first needed.
/// Errors say what to do: EACCES for who is not root, ENOENT for a kernel module that is not
/// loaded.
result<std::unique_ptr<doors>> open(options const& o = {});

} // namespace xenpp::transport::native
