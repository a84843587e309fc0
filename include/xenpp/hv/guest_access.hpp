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

#include <array>
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

/// Those of the code that the vCPU of an HVM domain executes.
template <class P>
guest_rights rights_of(vcpu<P> const& v) noexcept {
    return v.context.cpl == 3 ? guest_rights::user : guest_rights::kernel;
}

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
/// those of the mode that it is in. `pv_reach` gives what the others take, null where it is not
/// loaded on this CPU. False: an access faulted, as addresses that are not canonical do. Nothing is
/// checked but that.
template <class P>
concept ReachesPvGuests = requires(P& p,
                                   vcpu<P>& v,
                                   pv::tlb_cpu& here,
                                   void* to,
                                   void const* from,
                                   std::uint64_t a,
                                   std::size_t n,
                                   std::uint64_t object) {
    { p.pv_reach(v) } -> std::same_as<pv::tlb_cpu*>;
    { p.pv_read(here, to, a, n) } -> std::same_as<bool>;
    { p.pv_write(here, a, from, n) } -> std::same_as<bool>;
    { p.pv_read_object(here, object, a) } -> std::same_as<bool>;
    { p.pv_read_words(here, a, object, object, object) } -> std::same_as<bool>;
    { p.pv_write_object(here, a, object) } -> std::same_as<bool>;
    { p.pv_clear(here, a, n) } -> std::same_as<bool>;
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

/// Whether an access that begins at `address` would meet the hypervisor's part of the address
/// space. One that begins below it meets addresses first that are not canonical; one that begins
/// above it and wraps is in the guest's lower half.
constexpr bool is_own_address(std::uint64_t address) noexcept {
    constexpr unsigned shift = 43;
    static_assert(abi::hypervisor_virt_end - abi::hypervisor_virt_start == std::uint64_t{1}
                                                                               << shift &&
                  abi::hypervisor_virt_start % (std::uint64_t{1} << shift) == 0);
    return static_cast<std::int64_t>(address) >> shift ==
           static_cast<std::int64_t>(abi::hypervisor_virt_start) >> shift;
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

template <class P>
bool from_guest(vcpu<P>& v, void* to, std::uint64_t from, std::size_t n) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) [[likely]] {
            return !is_own_address(from) && v.dom.hv.platform.pv_read(*here, to, from, n);
        }
    }
    return walk_from_guest(v, to, from, n);
}

template <class P>
bool to_guest(
    vcpu<P>& v, std::uint64_t to, void const* from, std::size_t n, guest_rights rights) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) [[likely]] {
            return !is_own_address(to) && v.dom.hv.platform.pv_write(*here, to, from, n);
        }
    }
    return walk_to_guest(v, to, from, n, rights);
}

/// Copies an object of N bytes word by word, so that one in registers stays there.
template <std::size_t N>
[[gnu::always_inline]] inline void copy_words(std::byte* to, std::byte const* from) noexcept {
    if constexpr (N >= 8) {
        __builtin_memcpy(to, from, 8);
        copy_words<N - 8>(to + 8, from + 8);
    } else if constexpr (N != 0) {
        __builtin_memcpy(to, from, N);
    }
}

/// An object, which stays in registers where that pays: no other function gets its address.
template <class T, class P>
[[gnu::always_inline]] inline bool
object_from_guest(vcpu<P>& v, T& to, std::uint64_t from) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) [[likely]] {
            return !is_own_address(from) && v.dom.hv.platform.pv_read_object(*here, to, from);
        }
    }
    std::byte walked[sizeof to];
    if (!walk_from_guest(v, walked, from, sizeof walked)) {
        return false;
    }
    copy_words<sizeof to>(reinterpret_cast<std::byte*>(&to), walked);
    return true;
}

template <class T, class P>
[[gnu::always_inline]] inline bool
object_to_guest(vcpu<P>& v, std::uint64_t to, T const& from) noexcept {
    if constexpr (ReachesPvGuests<P>) {
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) [[likely]] {
            return !is_own_address(to) && v.dom.hv.platform.pv_write_object(*here, to, from);
        }
    }
    std::byte walked[sizeof from];
    copy_words<sizeof from>(walked, reinterpret_cast<std::byte const*>(&from));
    return walk_to_guest(v, to, walked, sizeof walked, guest_rights::kernel);
}

inline constexpr std::size_t largest_in_words = 88;

/// Objects of the hypercalls that are not made all the time: one function a size, for they have
/// few.
template <std::size_t N, class P>
[[gnu::noinline]] bool read_bytes(vcpu<P>& v, void* to, std::uint64_t from) noexcept {
    if constexpr (N > largest_in_words) {
        return from_guest(v, to, from, N);
    } else {
        return object_from_guest(v, *static_cast<std::array<std::byte, N>*>(to), from);
    }
}

template <std::size_t N, class P>
[[gnu::noinline]] bool write_bytes(vcpu<P>& v, std::uint64_t to, void const* from) noexcept {
    if constexpr (N > largest_in_words) {
        return to_guest(v, to, from, N, guest_rights::kernel);
    } else {
        return object_to_guest(v, to, *static_cast<std::array<std::byte, N> const*>(from));
    }
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
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) {
            return detail::fault_unless(!detail::is_own_address(to) &&
                                        v.dom.hv.platform.pv_clear(*here, to, n));
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

/// The same without a call, for what guests do all the time.
template <class T, class P>
[[gnu::always_inline]] inline expected<void, errc>
read_guest_inline(vcpu<P>& v, T& to, std::uint64_t from) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= detail::largest_in_words);
    return detail::fault_unless(detail::object_from_guest(v, to, from));
}

/// Consecutive words, a multiple of three, each to a place of its own. On `fault` some may have
/// arrived.
template <class P, class... Words>
[[gnu::always_inline]] inline expected<void, errc>
read_guest_words(vcpu<P>& v, std::uint64_t from, Words&... to) noexcept {
    if constexpr (detail::ReachesPvGuests<P>) {
        if (auto* const here = v.dom.hv.platform.pv_reach(v)) [[likely]] {
            return detail::fault_unless(!detail::is_own_address(from) &&
                                        v.dom.hv.platform.pv_read_words(*here, from, to...));
        }
    }
    std::array<std::uint64_t, sizeof...(to)> walked;
    XENPP_TRY(detail::fault_unless(detail::walk_from_guest(v, walked.data(), from, sizeof walked)));
    auto const* next = walked.data();
    ((to = *next++), ...);
    return {};
}

template <class T, class P>
[[gnu::always_inline]] inline expected<void, errc>
write_guest_inline(vcpu<P>& v, std::uint64_t to, T const& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= detail::largest_in_words);
    return detail::fault_unless(detail::object_to_guest(v, to, value));
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
