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

/// What the run loop calls, and the platform for a vCPU that does not run.
struct svm {
    /// Puts the state of `v` that VMRUN does not switch into the processor, or back into memory.
    static void switch_in(vcpu& v) noexcept;
    static void switch_out(vcpu& v) noexcept;
    /// A SIPI: real mode at page `sipi_vector`.
    static void reset_state(vcpu& v, std::uint8_t sipi_vector) noexcept;
    /// One stay in the guest, and what is to be done about its end.
    static hv::exit_action enter(vcpu& v) noexcept;
    /// Steps over the instruction that exited; false where its length is not known.
    static bool skip(vcpu& v) noexcept;
    /// Makes the next entry raise an exception.
    static void inject(vcpu& v, hv::exit_action const& a) noexcept;

    static expected<void, errc> create(vcpu& v) noexcept;
    static void destroy(vcpu& v) noexcept;
    static expected<void, errc> load(vcpu& v, abi::hvm_hw_cpu const& state) noexcept;
    static abi::hvm_hw_cpu save(vcpu& v) noexcept;
    /// The mark, atomic, that its next entry drops translations.
    static bool* flush_flag(vcpu& v) noexcept;
    /// Says on the console what the last exit said.
    static void print_exit(vcpu& v) noexcept;
};

} // namespace xenpp::image
