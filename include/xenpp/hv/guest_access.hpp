// SPDX-License-Identifier: Apache-2.0
// Copies to and from the memory of whoever makes a hypercall, through the addresses it passes.
#pragma once

#include <xenpp/abi/guest_handle.hpp>
#include <xenpp/abi/xen.hpp>
#include <xenpp/base/checked.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/hv/cpuid_policy.hpp>
#include <xenpp/hv/domain_kind.hpp>
#include <xenpp/hv/p2m.hpp>
#include <xenpp/hv/page_ref.hpp>
#include <xenpp/hv/pv/tlb_flush.hpp>
#include <xenpp/mm/guest_walk.hpp>
#include <xenpp/x86/control_register.hpp>
#include <xenpp/x86/cpuid.hpp>
#include <xenpp/x86/msr.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace xenpp::hv {

template <class P>
struct vcpu;

namespace pv {

/// The machine address of the L4 of the mode that a PV vCPU is in (pv/vcpu_state.hpp).
template <class P>
std::uint64_t root_in_use(vcpu<P> const& v) noexcept;

} // namespace pv

namespace detail {

/// A copy that the compiler may not repeat: the guest changes its memory while we look.
inline void copy_once(void* to, void const* from, std::size_t n) noexcept {
    std::memcpy(to, from, n);
    __asm__ volatile("" : : : "memory");
}

/// The address in the direct map of [address, address + n) of the control window.
template <class P>
expected<std::byte*, errc>
window_bytes(hypervisor<P>& hv, std::uint64_t address, std::size_t n) noexcept {
    auto const& w = hv.window;
    auto const offset = address - w.virtual_base;
    if (address < w.virtual_base || offset > w.size || n > w.size - offset) {
        return unexpected(errc::fault);
    }
    return hv.platform.map(to_mfn(w.machine_base)) + offset;
}

/// Reads entries of the guest's page tables, for mm::walk_guest.
template <class P>
class guest_entries {
public:
    explicit guest_entries(domain<P>& d) noexcept : d_(d) {}

    expected<std::uint64_t, errc> read_entry(gpa address, unsigned size) noexcept {
        auto const page = XENPP_TRY(get_page(d_, to_gfn(address), false));
        auto const* const at = page.map() + (address.raw() & (page_size - 1));
        return size == 4 ? atomic_load(*reinterpret_cast<std::uint32_t const*>(at))
                         : atomic_load(*reinterpret_cast<std::uint64_t const*>(at));
    }

private:
    domain<P>& d_;
};

/// Whose rights an access has: a hypercall's caller is the kernel; an instruction that is carried
/// out for the guest has those of the code it stands in.
enum class guest_rights : std::uint8_t {
    kernel,
    user,
};

/// Where a linear address of a vCPU that is on its CPU leads.
template <class P>
expected<gpa, errc> guest_linear_to_gpa(vcpu<P>& v,
                                        std::uint64_t address,
                                        bool to_write,
                                        guest_rights rights = guest_rights::kernel) noexcept {
    auto const& c = v.context;
    auto const& policy = v.dom.cpuid;
    auto const root = v.dom.kind == domain_kind::pv ? pv::root_in_use(v) : c.cr3;
    auto const paging = mm::paging_of(
        x86::cr0::value(c.cr0), x86::cr3::value(root), x86::cr4::value(c.cr4),
        x86::efer::value(c.efer), x86::cpuid::physical_bits(policy.get(x86::cpuid::leaf_addresses)),
        policy.has(x86::cpuid::page_1g));
    mm::guest_access const access{
        .what = to_write ? mm::guest_access::kind::write : mm::guest_access::kind::read,
        .is_user = rights == guest_rights::user,
        .lifts_smap = x86::rflags::value(c.rflags).has(x86::rflags::alignment_check)};
    guest_entries<P> entries(v.dom);
    auto const there = mm::walk_guest(paging, gva(address), access, entries);
    if (!there) {
        return unexpected(errc::fault);
    }
    return there->address;
}

/// A platform on which a PV vCPU's own addresses can be used as they are while it is loaded there:
/// those of the mode that it is in. False: an access faulted. Nothing is checked but that.
template <class P>
concept ReachesPvGuests =
    requires(P& p, vcpu<P>& v, void* to, void const* from, std::uint64_t a, std::size_t n) {
    { p.pv_is_loaded(v) } -> std::same_as<bool>;
    { p.pv_read(to, a, n) } -> std::same_as<bool>;
    { p.pv_write(a, from, n) } -> std::same_as<bool>;
    { p.pv_clear(a, n) } -> std::same_as<bool>;
};

/// Whether [address, address + n) lies in the part of the address space that is a PV guest's.
constexpr bool is_pv_guest_range(std::uint64_t address, std::size_t n) noexcept {
    constexpr std::uint64_t lower_end = std::uint64_t{1} << 47;
    if (address < lower_end) {
        return n <= lower_end - address;
    }
    // ~address is how many bytes follow this one.
    return address >= abi::hypervisor_virt_end && (n == 0 || n - 1 <= ~address);
}

/// Whether the addresses of `v` can be used as they are.
template <class P>
[[gnu::always_inline]] inline bool is_in_reach(vcpu<P>& v) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        return v.dom.kind == domain_kind::pv && v.dom.hv.platform.pv_is_loaded(v);
    }
    return false;
}

/// Calls `with(bytes in the direct map, position, count)` for each page's part of a guest range.
template <class P, class With>
expected<void, errc> for_guest_range(vcpu<P>& v,
                                     std::uint64_t address,
                                     std::size_t n,
                                     bool to_write,
                                     With with,
                                     guest_rights rights = guest_rights::kernel) noexcept {
    auto& d = v.dom;
    if (n == 0) {
        return {};
    }
    if (d.kind == domain_kind::control) {
        with(XENPP_TRY(window_bytes(d.hv, address, n)), std::size_t{0}, n);
        return {};
    }
    if (d.kind == domain_kind::pv ? !is_pv_guest_range(address, n)
                                  : !checked_add<std::uint64_t>(address, n - 1)) {
        return unexpected(errc::fault);
    }
    for (std::size_t done = 0; done != n;) {
        auto const at = XENPP_TRY(guest_linear_to_gpa(v, address + done, to_write, rights));
        auto const inside = at.raw() & (page_size - 1);
        auto const part = n - done < page_size - inside ? n - done : page_size - inside;
        auto const page = get_page(d, to_gfn(at), to_write);
        if (!page) {
            return unexpected(errc::fault);
        }
        with(page->map() + inside, done, part);
        done += part;
    }
    return {};
}

/// Page by page, from the caller's tables.
template <class P>
[[gnu::noinline]] bool
walk_from_guest(vcpu<P>& v, void* to, std::uint64_t from, std::size_t n) noexcept {
    auto* const bytes = static_cast<std::byte*>(to);
    return for_guest_range(v, from, n, false,
                           [bytes](std::byte const* there, std::size_t at, std::size_t count) {
                               copy_once(bytes + at, there, count);
                           })
        .has_value();
}

template <class P>
[[gnu::noinline]] bool walk_to_guest(
    vcpu<P>& v, std::uint64_t to, void const* from, std::size_t n, guest_rights rights) noexcept {
    auto const* const bytes = static_cast<std::byte const*>(from);
    return for_guest_range(
               v, to, n, true,
               [bytes](std::byte* there, std::size_t at, std::size_t count) {
                   copy_once(there, bytes + at, count);
               },
               rights)
        .has_value();
}

/// The whole of `copy_from_guest`, for where `n` is known.
template <class P>
[[gnu::always_inline]] inline bool
from_guest(vcpu<P>& v, void* to, std::uint64_t from, std::size_t n) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (is_in_reach(v)) [[likely]] {
            return is_pv_guest_range(from, n) && v.dom.hv.platform.pv_read(to, from, n);
        }
    }
    return walk_from_guest(v, to, from, n);
}

template <class P>
[[gnu::always_inline]] inline bool to_guest(
    vcpu<P>& v, std::uint64_t to, void const* from, std::size_t n, guest_rights rights) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (is_in_reach(v)) [[likely]] {
            return is_pv_guest_range(to, n) && v.dom.hv.platform.pv_write(to, from, n);
        }
    }
    return walk_to_guest(v, to, from, n, rights);
}

/// One function a size: the hypercalls' structures have few.
template <std::size_t N, class P>
[[gnu::noinline]] bool read_bytes(vcpu<P>& v, void* to, std::uint64_t from) noexcept {
    return from_guest(v, to, from, N);
}

template <std::size_t N, class P>
[[gnu::noinline]] bool write_bytes(vcpu<P>& v, std::uint64_t to, void const* from) noexcept {
    return to_guest(v, to, from, N, guest_rights::kernel);
}

constexpr expected<void, errc> fault_unless(bool done) noexcept {
    if (!done) [[unlikely]] {
        return unexpected(errc::fault);
    }
    return {};
}

} // namespace detail

/// Copies `n` bytes from the caller's address `from` to `to`. `fault`: some of them are not its
/// memory; `to` may then have been written in part.
template <class P>
expected<void, errc>
copy_from_guest(vcpu<P>& v, void* to, std::uint64_t from, std::size_t n) noexcept {
    return detail::fault_unless(detail::from_guest(v, to, from, n));
}

/// Copies `n` bytes from `from` to the caller's address `to`. Errors as above.
template <class P>
expected<void, errc>
copy_to_guest(vcpu<P>& v,
              std::uint64_t to,
              void const* from,
              std::size_t n,
              detail::guest_rights rights = detail::guest_rights::kernel) noexcept {
    return detail::fault_unless(detail::to_guest(v, to, from, n, rights));
}

/// Writes `n` zero bytes to the caller's address `to`.
template <class P>
expected<void, errc> clear_guest(vcpu<P>& v, std::uint64_t to, std::size_t n) noexcept {
    if constexpr (detail::ReachesPvGuests<P>) {
        if (detail::is_in_reach(v)) {
            return detail::fault_unless(detail::is_pv_guest_range(to, n) &&
                                        v.dom.hv.platform.pv_clear(to, n));
        }
    }
    return detail::for_guest_range(
        v, to, n, true,
        [](std::byte* there, std::size_t, std::size_t count) { std::memset(there, 0, count); });
}

/// Where element `index` of an array of `T` at `base` lies; `fault` where that wraps.
template <class T>
[[gnu::always_inline]] inline expected<std::uint64_t, errc>
element_address(std::uint64_t base, std::uint64_t index) noexcept {
    auto const offset = checked_mul<std::uint64_t>(index, sizeof(T));
    auto const address = offset ? checked_add<std::uint64_t>(base, *offset) : std::nullopt;
    if (!address) {
        return unexpected(errc::fault);
    }
    return *address;
}

/// Copies the object at the caller's address `from` into `to`. Errors as `copy_from_guest`.
template <class T, class P>
[[gnu::always_inline]] inline expected<void, errc>
read_guest_into(vcpu<P>& v, T& to, std::uint64_t from) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    return detail::fault_unless(detail::read_bytes<sizeof(T)>(v, &to, from));
}

/// Element `index` of the array of `T` at the caller's address `base`.
template <class T, class P>
[[gnu::always_inline]] inline expected<T, errc>
read_guest(vcpu<P>& v, std::uint64_t base, std::uint64_t index = 0) noexcept {
    auto const address = XENPP_TRY(element_address<T>(base, index));
    T value{};
    XENPP_TRY(read_guest_into(v, value, address));
    return value;
}

template <class T, class P>
expected<std::remove_const_t<T>, errc>
read_guest(vcpu<P>& v, abi::guest_handle<T> base, std::uint64_t index = 0) noexcept {
    return read_guest<std::remove_const_t<T>>(v, base.p, index);
}

/// Writes `value` as element `index` of the array of `T` at the caller's address `base`.
template <class T, class P>
[[gnu::always_inline]] inline expected<void, errc>
write_guest(vcpu<P>& v, std::uint64_t base, T const& value, std::uint64_t index = 0) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    auto const address = XENPP_TRY(element_address<T>(base, index));
    return detail::fault_unless(detail::write_bytes<sizeof(T)>(v, address, &value));
}

template <class T, class P>
expected<void, errc> write_guest(vcpu<P>& v,
                                 abi::guest_handle<T> base,
                                 std::type_identity_t<T> const& value,
                                 std::uint64_t index = 0) noexcept {
    return write_guest<T>(v, base.p, value, index);
}

/// A guest frame that stays mapped: one reference, held as long as this lives.
template <class P>
class guest_page_mapping {
public:
    guest_page_mapping() noexcept = default;

    /// Errors as `get_page`.
    static expected<guest_page_mapping, errc> create(domain<P>& d, gfn g) noexcept {
        guest_page_mapping m;
        m.page_ = XENPP_TRY(get_page(d, g, true));
        return m;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(page_); }

    mfn frame() const noexcept { return page_.frame(); }

    /// The object at `offset`, which must leave room for it. Shared with the guest.
    template <class T>
    T* at(std::size_t offset = 0) const noexcept {
        return reinterpret_cast<T*>(page_.map() + offset);
    }

    /// Leaves the reference to the caller, who gives it back with `put_written_frame`.
    mfn release() noexcept { return page_.release(); }

private:
    page_ref<P> page_;
};

} // namespace xenpp::hv
