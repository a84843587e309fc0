// SPDX-License-Identifier: Apache-2.0
// What a handler of a VM exit wants done: applied in one place, by the run loop.
#pragma once

#include <xenpp/x86/exception.hpp>

#include <cstdint>

namespace xenpp::hv {

/// The result of handling an exit.
struct exit_action {
    enum class kind : std::uint8_t {
        resume,       ///< enter the guest again as it stands
        interrupted,  ///< a physical interrupt ended the stay: let it in, then resume
        skip,         ///< step over the exiting instruction, then resume
        inject,       ///< deliver an exception
        block,        ///< step over the instruction and wait for an event
        halted,       ///< halted for good (HLT with interrupts off)
        triple_fault, ///< the vCPU faulted beyond #DF: the domain resets
        crash,        ///< the domain has done what cannot be carried on from
    };

    kind what = kind::resume;
    x86::exception vector{}; ///< for inject
    bool has_error_code = false;
    std::uint32_t error_code = 0;
    char const* reason = nullptr; ///< for crash: a literal

    static constexpr exit_action resume() noexcept { return {}; }

    static constexpr exit_action interrupted() noexcept {
        return {kind::interrupted, {}, false, 0, nullptr};
    }

    static constexpr exit_action skip() noexcept { return {kind::skip, {}, false, 0, nullptr}; }

    static constexpr exit_action block() noexcept { return {kind::block, {}, false, 0, nullptr}; }

    static constexpr exit_action halted() noexcept { return {kind::halted, {}, false, 0, nullptr}; }

    static constexpr exit_action triple_fault() noexcept {
        return {kind::triple_fault, {}, false, 0, nullptr};
    }

    static constexpr exit_action inject(x86::exception e) noexcept {
        return {kind::inject, e, false, 0, nullptr};
    }

    static constexpr exit_action inject(x86::exception e, std::uint32_t code) noexcept {
        return {kind::inject, e, true, code, nullptr};
    }

    static constexpr exit_action crash(char const* why) noexcept {
        return {kind::crash, {}, false, 0, why};
    }
};

} // namespace xenpp::hv
