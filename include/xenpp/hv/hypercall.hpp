// SPDX-License-Identifier: Apache-2.0
// What a hypercall's handler receives and returns.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/vcpu.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xenpp::hv {

/// The arguments as the caller's registers held them, widened to 64 bits. A handler that returns
/// `errc::restart` first writes its progress here: the call is made again with these arguments.
struct hypercall_args {
    std::array<std::uint64_t, 6> arg{};
};

/// The return value, or the error; `errc::restart` means "call again". It is used like an
/// `expected<std::uint64_t, errc>`, but is the one word that the caller finds in its register: a
/// value that looks like a negated error is one. `restart`, which no caller sees, is a word that no
/// handler but iret returns: not a number of anything, and no address.
class [[nodiscard]] hypercall_result {
public:
    constexpr hypercall_result(std::uint64_t value) noexcept // NOLINT(google-explicit-constructor)
        : raw_(value) {}

    constexpr hypercall_result(unexpected<errc> e) noexcept // NOLINT(google-explicit-constructor)
        : raw_(e.value == errc::restart ? restart : static_cast<std::uint64_t>(to_abi(e.value))) {}

    constexpr bool has_value() const noexcept { return raw_ < lowest_error && !is_restart(); }

    constexpr explicit operator bool() const noexcept { return has_value(); }

    constexpr std::uint64_t operator*() const noexcept { return raw_; }

    constexpr errc error() const noexcept {
        return is_restart() ? errc::restart : static_cast<errc>(-raw_);
    }

    constexpr bool is_restart() const noexcept { return raw_ == restart; }

    /// What the caller sees, if it is to see anything.
    constexpr std::uint64_t raw() const noexcept { return raw_; }

private:
    static constexpr std::uint64_t restart = 0x8000'0000'0000'0055;
    static constexpr std::uint64_t lowest_error = -std::uint64_t{0xff}; ///< errc has 8 bits

    std::uint64_t raw_;
};

/// The arguments where the registers of a caller hold them (rdi, rsi, rdx, r10, r8, r9). What a
/// handler leaves there is what the caller finds: these are registers that a call may change.
inline hypercall_args& args_of(guest_context& c) noexcept {
    static_assert(offsetof(guest_context, rsi) == offsetof(guest_context, rdi) + 8 &&
                  offsetof(guest_context, rdx) == offsetof(guest_context, rdi) + 16 &&
                  offsetof(guest_context, r10) == offsetof(guest_context, rdi) + 24 &&
                  offsetof(guest_context, r8) == offsetof(guest_context, rdi) + 32 &&
                  offsetof(guest_context, r9) == offsetof(guest_context, rdi) + 40);
    return reinterpret_cast<hypercall_args&>(c.rdi);
}

/// The same of a multicall's entry.
inline hypercall_args& args_of(abi::multicall_entry& e) noexcept {
    static_assert(sizeof e.args == sizeof(hypercall_args));
    return reinterpret_cast<hypercall_args&>(e.args);
}

} // namespace xenpp::hv
