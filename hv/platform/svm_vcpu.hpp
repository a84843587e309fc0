// SPDX-License-Identifier: Apache-2.0
// SVM as the run loop uses it.
#pragma once

#include "machine.hpp"

#include <xenpp/hv/exit_action.hpp>

#include <cstdint>

namespace xenpp::image {

/// Why SVM cannot be used here, or null.
char const* svm_missing() noexcept;
/// The tables that all vCPUs share. Once, after `svm_missing` gave null.
expected<void, errc> svm_init(hypervisor& m) noexcept;
/// Switches SVM on for this CPU; the two frames are for the host's state. After all that
/// VMLOAD displaces has been set up: task register, SYSCALL.
void svm_init_cpu(percpu& here, mfn host_save_areas) noexcept;

/// Puts the state of `v` that VMRUN does not switch into the processor, or back into memory.
void svm_switch_in(vcpu& v) noexcept;
void svm_switch_out(vcpu& v) noexcept;
/// A SIPI: real mode at page `sipi_vector`.
void svm_reset_state(vcpu& v, std::uint8_t sipi_vector) noexcept;

/// One stay in the guest, and what is to be done about its end.
hv::exit_action svm_enter(vcpu& v) noexcept;
/// Steps over the instruction that exited; false where its length is not known.
bool svm_skip(vcpu& v) noexcept;
/// Makes the next entry raise an exception.
void svm_inject(vcpu& v, hv::exit_action const& a) noexcept;

} // namespace xenpp::image
