// SPDX-License-Identifier: Apache-2.0
// What an attempt is: a name, what it tries, and how the hypervisor answered.
#pragma once

#include "../pv_lib/pv_guest.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace attack {

using namespace guest;
namespace abi = xenpp::abi;
using xenpp::mfn;

/// How an attempt ended.
struct outcome {
    enum class kind : std::uint8_t {
        refused,   ///< a hypercall's error
        fault,     ///< a fault to the guest
        harmless,  ///< allowed, and checked to be without the effect that was sought
        succeeded, ///< the attempt did what it must not
    };

    kind what = kind::succeeded;
    std::int64_t number = 0; ///< errno, negative; or vector
};

inline outcome refused_if_negative(std::int64_t r) noexcept {
    return r < 0 ? outcome{outcome::kind::refused, r} : outcome{};
}

inline outcome harmless_if(bool condition) noexcept {
    return {condition ? outcome::kind::harmless : outcome::kind::succeeded, 0};
}

/// Runs `f`, which is to fault.
template <class F>
outcome faults(F f) noexcept {
    if (guarded(f)) {
        return {};
    }
    return {outcome::kind::fault, static_cast<std::int64_t>(last_fault.vector)};
}

/// Runs `f`, which may fault or return what it is to be judged by.
template <class F>
outcome faults_or(F f) noexcept {
    outcome result;
    if (guarded([&] { result = f(); })) {
        return result;
    }
    return {outcome::kind::fault, static_cast<std::int64_t>(last_fault.vector)};
}

struct attempt {
    std::string_view name;
    outcome (*run)() noexcept;
};

// One list a theme; see each file.
std::span<attempt const> mapping_attempts() noexcept;
std::span<attempt const> table_attempts() noexcept;
std::span<attempt const> descriptor_attempts() noexcept;
std::span<attempt const> processor_attempts() noexcept;
std::span<attempt const> hypercall_attempts() noexcept;
std::span<attempt const> sharing_attempts() noexcept;
std::span<attempt const> root_attempts() noexcept;
/// Those after which the domain is no more, or has a second vCPU: one is run, by its name on the
/// command line.
std::span<attempt const> last_attempts() noexcept;
std::span<attempt const> last_root_attempts() noexcept;
std::span<attempt const> last_event_attempts() noexcept;
/// What the second vCPU does: by the argument that it is started with, else it races for a table.
inline constexpr std::uint64_t writes_roots = 1, unmasks_for_ever = 2;
[[noreturn]] void write_roots_for_others() noexcept;
[[noreturn]] void unmask_for_ever() noexcept;

// --- what several of them need ---

/// The frame of the kernel's own table of this level, for the address that `window` is at.
mfn own_table(unsigned level) noexcept;

/// A frame of memory that is not ours: of the hypervisor or of another domain.
mfn foreign_frame() noexcept;

/// What the hypervisor shares with the domain: its shared info, and its grant table (frame 0:
/// none).
mfn shared_info_frame() noexcept;
mfn grant_frame() noexcept;

/// One more than the highest machine frame.
std::uint64_t machine_frames() noexcept;

/// An address that is not canonical, and places of the hypervisor's.
inline constexpr std::uint64_t non_canonical = 0x0000'8000'0000'0000;
inline constexpr std::uint64_t image_address = 0xffff'82d0'4000'0000;
inline constexpr std::uint64_t direct_map_address = 0xffff'8300'0010'0000;

template <class T>
T* at(std::uint64_t address) noexcept {
    asm("" : "+r"(address)); // the compiler is not to know what is there
    return reinterpret_cast<T*>(address);
}

} // namespace attack
