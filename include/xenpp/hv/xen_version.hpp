// SPDX-License-Identifier: Apache-2.0
// Hypercall 17, xen_version: what the hypervisor says of itself.
#pragma once

#include <xenpp/abi/features.hpp>
#include <xenpp/abi/version.hpp>
#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xenpp::hv {

/// The version of the interface that is implemented, and which implementation this is.
inline constexpr std::uint32_t version_major = 4;
inline constexpr std::uint32_t version_minor = 17;
inline constexpr std::string_view version_extra = ".7-xenpp";

/// The kinds of guests that can be run, in Xen's words: of PV alone, and with hardware
/// virtualization. The 32-bit names mean the processor's mode; hypercalls are answered in 64-bit
/// mode.
inline constexpr std::string_view pv_capabilities = "xen-3.0-x86_64 ";
inline constexpr std::string_view guest_capabilities =
    "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";

namespace detail {

/// Writes `text` into a field of N characters at `to`, padded with zeros.
template <std::size_t N, class P>
expected<void, errc> write_text(vcpu<P>& v, std::uint64_t to, std::string_view text) noexcept {
    auto const n = text.size() < N ? text.size() : N - 1;
    XENPP_TRY(copy_to_guest(v, to, text.data(), n));
    return clear_guest(v, to + n, N - n);
}

/// How far the text in an array goes.
template <std::size_t N>
constexpr std::size_t text_length(std::array<char, N> const& a) noexcept {
    std::size_t n = 0;
    while (n != N && a[n] != '\0') {
        ++n;
    }
    return n;
}

/// Features of submap 0. Nothing here depends on what the caller asks for.
template <class P>
std::uint32_t features_of(domain<P> const& d) noexcept {
    auto bit = [](std::uint32_t n) { return std::uint32_t{1} << n; };
    auto const all = bit(abi::xenfeat_writable_page_tables) |
                     bit(abi::xenfeat_auto_translated_physmap) |
                     bit(abi::xenfeat_hvm_safe_pvclock) | bit(abi::xenfeat_not_direct_mapped);
    switch (d.kind) {
    case domain_kind::control: return all | bit(abi::xenfeat_dom0);
    case domain_kind::hvm: return all | bit(abi::xenfeat_hvm_callback_vector);
    case domain_kind::pv:
        return bit(abi::xenfeat_mmu_pt_update_preserve_ad) | bit(abi::xenfeat_highmem_assist) |
               bit(abi::xenfeat_gnttab_map_avail_bits) | bit(abi::xenfeat_direct_mapped);
    }
    return 0;
}

template <class P>
hypercall_result version_features(vcpu<P>& v, std::uint64_t at) noexcept {
    abi::feature_info f;
    XENPP_TRY(read_guest_inline(v, f, at));
    if (f.submap_idx >= abi::xenfeat_nr_submaps) {
        return unexpected(errc::inval);
    }
    f.submap = features_of(v.dom);
    XENPP_TRY(write_guest_inline(v, at, f));
    return std::uint64_t{0};
}

template <class P>
hypercall_result version_compile_info(vcpu<P>& v, std::uint64_t at) noexcept {
    using info = abi::compile_info;
    XENPP_TRY(write_text<sizeof info::compiler>(v, at, __VERSION__));
    XENPP_TRY(write_text<sizeof info::compile_by>(v, at + offsetof(info, compile_by), "xenpp"));
    XENPP_TRY(clear_guest(v, at + offsetof(info, compile_domain),
                          sizeof info::compile_domain + sizeof info::compile_date));
    return std::uint64_t{0};
}

/// What nobody asks for twice.
template <class P>
[[gnu::noinline]] hypercall_result
other_version(vcpu<P>& v, abi::version_op op, std::uint64_t at) noexcept {
    switch (op) {
    case abi::version_op::extraversion:
        XENPP_TRY(write_text<abi::extraversion_len>(v, at, version_extra));
        return std::uint64_t{0};
    case abi::version_op::compile_info: return version_compile_info(v, at);
    case abi::version_op::capabilities:
        XENPP_TRY(write_text<abi::capabilities_info_len>(
            v, at, v.dom.hv.has_hvm ? guest_capabilities : pv_capabilities));
        return std::uint64_t{0};
    case abi::version_op::changeset:
        XENPP_TRY(write_text<abi::changeset_info_len>(v, at, "xenpp"));
        return std::uint64_t{0};
    case abi::version_op::platform_parameters:
        XENPP_TRY(write_guest(v, at, abi::platform_parameters{abi::hypervisor_virt_start}));
        return std::uint64_t{0};
    case abi::version_op::pagesize: return std::uint64_t{page_size};
    case abi::version_op::guest_handle:
        XENPP_TRY(copy_to_guest(v, at, v.dom.handle.data(), v.dom.handle.size()));
        return std::uint64_t{0};
    case abi::version_op::commandline: {
        if (!v.dom.is_privileged()) {
            return unexpected(errc::perm);
        }
        auto const& line = v.dom.hv.command_line;
        XENPP_TRY(write_text<sizeof(abi::commandline_t)>(
            v, at, std::string_view(line.data(), text_length(line))));
        return std::uint64_t{0};
    }
    case abi::version_op::build_id: return unexpected(errc::nodata);
    case abi::version_op::version:
    case abi::version_op::get_features: break;
    }
    return unexpected(errc::nosys);
}

} // namespace detail

/// The handler: arg[0] the operation, arg[1] where the answer goes. `perm` for a domain that asks
/// for the command line; `nodata` for the build id, of which there is none; `nosys`.
template <class P>
hypercall_result do_xen_version(vcpu<P>& v, hypercall_args& args) noexcept {
    auto const op = static_cast<abi::version_op>(args.arg[0]);
    switch (op) {
    case abi::version_op::version: return std::uint64_t{version_major << 16 | version_minor};
    case abi::version_op::get_features: return detail::version_features(v, args.arg[1]);
    default: return detail::other_version(v, op, args.arg[1]);
    }
}

} // namespace xenpp::hv
