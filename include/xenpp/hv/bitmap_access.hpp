// SPDX-License-Identifier: Apache-2.0
// Sets of CPUs in a caller's memory: xenctl_bitmap.
#pragma once

#include <xenpp/abi/xen.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv {

/// The CPUs that run.
template <class P>
cpu_mask all_cpus(hypervisor<P>& hv) noexcept {
    auto const n = hv.platform.cpu_count();
    return n >= max_cpus ? ~cpu_mask{0} : (cpu_mask{1} << n) - 1;
}

namespace detail {

/// The first `nr_bits` of 64.
constexpr cpu_mask first_bits(std::uint32_t nr_bits) noexcept {
    return nr_bits >= max_cpus ? ~cpu_mask{0} : (cpu_mask{1} << nr_bits) - 1;
}

inline constexpr std::uint32_t most_bitmap_bits = 1U << 15;

} // namespace detail

/// The first 64 bits of the caller's bitmap; what it lacks reads as zero. `inval` above 32768 bits.
template <class P>
expected<cpu_mask, errc> read_bitmap(vcpu<P>& v, abi::xenctl_bitmap const& map) noexcept {
    if (map.nr_bits > detail::most_bitmap_bits) {
        return unexpected(errc::inval);
    }
    cpu_mask bits = 0;
    auto const bytes = (map.nr_bits + 7) / 8;
    XENPP_TRY(copy_from_guest(v, &bits, map.bitmap.p, bytes < 8 ? bytes : 8));
    return bits & detail::first_bits(map.nr_bits);
}

/// Writes `bits` into the caller's bitmap, as many as it has room for, the rest zero. Errors as
/// above.
template <class P>
expected<void, errc>
write_bitmap(vcpu<P>& v, abi::xenctl_bitmap const& map, cpu_mask bits) noexcept {
    if (map.nr_bits > detail::most_bitmap_bits) {
        return unexpected(errc::inval);
    }
    bits &= detail::first_bits(map.nr_bits);
    auto const bytes = (map.nr_bits + 7) / 8;
    auto const head = bytes < 8 ? bytes : 8;
    XENPP_TRY(copy_to_guest(v, map.bitmap.p, &bits, head));
    return clear_guest(v, map.bitmap.p + head, bytes - head);
}

} // namespace xenpp::hv
