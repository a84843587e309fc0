// SPDX-License-Identifier: Apache-2.0
// The image's one hypervisor object, and what every part of the image calls.
#pragma once

#include "platform/image_platform.hpp"

#include <xenpp/hv/domain_life.hpp>
#include <xenpp/hv/hypercall_table.hpp>
#include <xenpp/hv/hypervisor.hpp>
#include <xenpp/hv/interrupt.hpp>
#include <xenpp/hv/link_service.hpp>
#include <xenpp/hv/print.hpp>

#include <cstddef>
#include <new>
#include <string_view>

namespace xenpp::image {

using platform = image_platform;
using hypervisor = hv::hypervisor<platform>;
using domain = hv::domain<platform>;
using vcpu = hv::vcpu<platform>;

/// Storage of the machine's hypervisor.
struct machine_storage {
    alignas(hypervisor) std::byte bytes[sizeof(hypervisor)];
};

extern machine_storage the_machine;

/// The machine's hypervisor; constructed by boot_main.
inline hypervisor& machine() noexcept {
    return *std::launder(reinterpret_cast<hypervisor*>(the_machine.bytes));
}

/// Prints why and stops the machine: the hypervisor itself is broken.
[[noreturn]] void panic(std::string_view why) noexcept;

/// Enters the scheduler on this CPU; never comes back.
[[noreturn]] void run_loop() noexcept;

/// The control domain rang, or may have: serves its rings on this CPU. True if more is to be done.
bool serve_link() noexcept;

} // namespace xenpp::image
