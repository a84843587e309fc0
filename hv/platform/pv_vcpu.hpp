// SPDX-License-Identifier: Apache-2.0
// PV vCPUs as the run loop and the vectors use them: ring 3 without any help of the hardware.
#pragma once

#include "entry/exceptions.hpp"
#include "machine.hpp"

#include <xenpp/hv/exit_action.hpp>

namespace xenpp::image {

/// Makes SYSCALL and ring 3 work on this CPU. After its FPU's init.
void pv_init_cpu(percpu& here) noexcept;

/// Puts the state of `v` that is not in its context into the processor, or back into memory.
void pv_switch_in(vcpu& v) noexcept;
void pv_switch_out(vcpu& v) noexcept;

/// Runs `v` until something else wants this CPU, or it cannot go on.
hv::exit_action pv_enter(vcpu& v) noexcept;

/// A trap in ring 3 that came on a stack of its own.
[[noreturn]] void pv_take_trap(vector_frame const& f) noexcept;

} // namespace xenpp::image
