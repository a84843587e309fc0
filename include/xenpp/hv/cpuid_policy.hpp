// SPDX-License-Identifier: Apache-2.0
// What a domain's processors say of themselves: CPUID leaves, masked to what the hypervisor can do.
#pragma once

#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>
#include <xenpp/x86/cpuid.hpp>

#include <array>
#include <bit>
#include <cstdint>

namespace xenpp::hv {

/// A set of leaves, sorted. Leaves without subleaves are entered as subleaf `no_subleaf`.
class cpuid_policy {
public:
    static constexpr std::uint32_t no_subleaf = ~std::uint32_t{0}; ///< abi::cpuid_no_subleaf
    static constexpr unsigned capacity = 80;

    struct entry {
        std::uint32_t leaf = 0;
        std::uint32_t subleaf = no_subleaf;
        x86::cpuid_leaf value;
    };

    /// The entry, or null.
    constexpr entry const* find(std::uint32_t leaf,
                                std::uint32_t subleaf = no_subleaf) const noexcept {
        auto const first = first_position(leaf);
        if (first != count_ && is(entries_[first], leaf, subleaf)) [[likely]] {
            return &entries_[first];
        }
        auto const i = position(leaf, subleaf);
        return i < count_ && is(entries_[i], leaf, subleaf) ? &entries_[i] : nullptr;
    }

    /// The leaf's value; zeros where there is none.
    constexpr x86::cpuid_leaf get(std::uint32_t leaf,
                                  std::uint32_t subleaf = no_subleaf) const noexcept {
        auto const* const e = find(leaf, subleaf);
        return e != nullptr ? e->value : x86::cpuid_leaf{};
    }

    /// Enters or replaces a leaf. `nobufs` when there is no room.
    constexpr expected<void, errc>
    set(std::uint32_t leaf, std::uint32_t subleaf, x86::cpuid_leaf const& value) noexcept {
        auto const i = position(leaf, subleaf);
        if (i == count_ || !is(entries_[i], leaf, subleaf)) {
            if (count_ == capacity) {
                return unexpected(errc::nobufs);
            }
            for (unsigned k = count_++; k != i; --k) {
                entries_[k] = entries_[k - 1];
            }
            for (unsigned r = 0; r != first_.size(); ++r) {
                first_[r] = static_cast<std::uint8_t>(first_[r] + (leaf_of(r) > leaf ? 1 : 0));
            }
        }
        entries_[i] = {leaf, subleaf, value};
        return {};
    }

    constexpr bool has(x86::cpuid_feature f) const noexcept {
        return x86::has(get(f.leaf, has_subleaves(f.leaf) ? f.subleaf : no_subleaf), f);
    }

    constexpr void clear() noexcept {
        count_ = 0;
        first_ = {};
    }

    constexpr entry const* begin() const noexcept { return entries_.data(); }

    constexpr entry const* end() const noexcept { return entries_.data() + count_; }

    constexpr unsigned size() const noexcept { return count_; }

    /// Whether CPUID looks at ecx for this leaf.
    static constexpr bool has_subleaves(std::uint32_t leaf) noexcept {
        using namespace x86::cpuid;
        return leaf == leaf_caches || leaf == leaf_features7 || leaf == leaf_topology ||
               leaf == leaf_xstate || leaf == leaf_cache_topology;
    }

private:
    static constexpr std::uint64_t key(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
        return std::uint64_t{leaf} << 32 | subleaf;
    }

    static constexpr bool is(entry const& e, std::uint32_t leaf, std::uint32_t subleaf) noexcept {
        return e.leaf == leaf && e.subleaf == subleaf;
    }

    static constexpr std::uint32_t indexed = 0x30; ///< leaves of each of two ranges

    static constexpr std::uint32_t leaf_of(unsigned row) noexcept {
        return row < indexed ? row : x86::cpuid::leaf_ext_max + (row - indexed);
    }

    /// Not behind the entries of `leaf`. A guest asks often: the index leads there at once.
    constexpr unsigned first_position(std::uint32_t leaf) const noexcept {
        if (leaf < indexed) {
            return first_[leaf];
        }
        auto const extended = leaf - x86::cpuid::leaf_ext_max;
        return extended < indexed ? first_[indexed + extended] : 0;
    }

    /// Where the entry is or belongs.
    constexpr unsigned position(std::uint32_t leaf, std::uint32_t subleaf) const noexcept {
        unsigned i = first_position(leaf);
        while (i != count_ && key(entries_[i].leaf, entries_[i].subleaf) < key(leaf, subleaf)) {
            ++i;
        }
        return i;
    }

    std::array<entry, capacity> entries_{};
    std::array<std::uint8_t, 2 * indexed> first_{}; ///< how many entries are of lower leaves
    unsigned count_ = 0;
};

/// The APIC id of a vCPU: even, as Xen numbers them.
constexpr std::uint32_t apic_id_of(std::uint32_t vcpu) noexcept {
    return vcpu * 2;
}

/// The state components that a guest may enable in XCR0: x87, SSE, AVX, AVX-512, PKRU.
inline constexpr std::uint64_t guest_xcr0_mask = 0x2e7;

namespace detail {

inline constexpr std::uint32_t hypervisor_leaves = 5; ///< the last is 0x40000005
inline constexpr std::uint32_t xen_version_number = 0x00040011;
inline constexpr std::uint32_t cr4_osxsave = 1U << 18;
inline constexpr std::uint32_t cr4_pke = 1U << 22;

/// Feature bits that a hardware-virtualized guest may be given, if the processor has them.
struct feature_word {
    std::uint32_t leaf;
    std::uint32_t subleaf;
    x86::cpuid_register reg;
    std::uint32_t allowed;
};

constexpr std::uint32_t bits(auto... n) noexcept {
    return ((std::uint32_t{1} << n) | ...);
}

// clang-format off
/// Absent on purpose: MONITOR, VMX, TSC-deadline, performance counters, debug store, SGX, CET, LA57,
/// protection keys for supervisors, speculation control MSRs, SVM, IBS, XSAVES, topology
/// extensions: each needs state or exits that the hypervisor does not keep.
inline constexpr std::array feature_words{
    feature_word{0x00000001, cpuid_policy::no_subleaf, x86::cpuid_register::ecx,
                 bits(0, 1, 9, 12, 13, 17, 19, 20, 21, 22, 23, 25, 26, 28, 29, 30, 31)},
    feature_word{0x00000001, cpuid_policy::no_subleaf, x86::cpuid_register::edx,
                 bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26, 28)},
    feature_word{0x00000006, cpuid_policy::no_subleaf, x86::cpuid_register::eax, bits(2)},
    feature_word{0x00000007, 0, x86::cpuid_register::ebx,
                 bits(0, 3, 5, 6, 7, 8, 9, 10, 13, 16, 17, 18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31)},
    feature_word{0x00000007, 0, x86::cpuid_register::ecx, bits(1, 2, 3, 6, 8, 9, 10, 11, 12, 14, 22, 27, 28)},
    feature_word{0x00000007, 0, x86::cpuid_register::edx, bits(2, 3, 4, 8, 10, 14, 23)},
    feature_word{0x00000007, 1, x86::cpuid_register::eax, bits(4, 5, 10, 11, 12)},
    feature_word{0x0000000d, 1, x86::cpuid_register::eax, bits(0, 1, 2)},
    feature_word{0x80000001, cpuid_policy::no_subleaf, x86::cpuid_register::ecx,
                 bits(0, 5, 6, 7, 8, 11, 16, 21)},
    feature_word{0x80000001, cpuid_policy::no_subleaf, x86::cpuid_register::edx,
                 bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 20, 22, 23, 24, 26, 27, 29, 30, 31)},
    feature_word{0x80000007, cpuid_policy::no_subleaf, x86::cpuid_register::edx, bits(8)},
    feature_word{0x80000008, cpuid_policy::no_subleaf, x86::cpuid_register::ebx, bits(0)},
    feature_word{0x80000021, cpuid_policy::no_subleaf, x86::cpuid_register::eax, bits(2, 6)},
};

// clang-format on

constexpr feature_word const*
find_word(std::uint32_t leaf, std::uint32_t subleaf, x86::cpuid_register reg) noexcept {
    for (auto const& w : feature_words) {
        if (w.leaf == leaf && w.subleaf == subleaf && w.reg == reg) {
            return &w;
        }
    }
    return nullptr;
}

constexpr std::uint64_t xstate_mask(cpuid_policy const& p) noexcept {
    auto const leaf = p.get(x86::cpuid::leaf_xstate, 0);
    return leaf.a | std::uint64_t{leaf.d} << 32;
}

/// Bytes of an XSAVE area for these components: legacy region, header, then each at its offset, or
/// (compacted) one behind another.
constexpr std::uint32_t
xsave_size(cpuid_policy const& p, std::uint64_t components, bool compacted) noexcept {
    std::uint32_t size = 512 + 64;
    for (std::uint32_t n = 2; n != 63; ++n) {
        if (((components >> n) & 1) == 0) {
            continue;
        }
        auto const part = p.get(x86::cpuid::leaf_xstate, n);
        if (compacted) {
            size = ((part.c & 2) != 0 ? (size + 63) & ~63U : size) + part.a;
        } else if (part.b + part.a > size) {
            size = part.b + part.a;
        }
    }
    return size;
}

/// The bits that number vCPUs inside the one package: apic_id_of(vcpus - 1) fits.
constexpr std::uint32_t package_shift(std::uint32_t vcpus) noexcept {
    return static_cast<std::uint32_t>(std::bit_width(apic_id_of(vcpus == 0 ? 1 : vcpus) - 1));
}

/// Copies the leaves that `host` has, without a mask.
template <class HostCpuid>
constexpr void copy_host_leaf(cpuid_policy& p, HostCpuid& host, std::uint32_t leaf) noexcept {
    if (!cpuid_policy::has_subleaves(leaf)) {
        static_cast<void>(p.set(leaf, cpuid_policy::no_subleaf, host(leaf, 0)));
        return;
    }
    std::uint32_t const most = leaf == x86::cpuid::leaf_xstate ? 10 : 4;
    for (std::uint32_t sub = 0; sub != most; ++sub) {
        x86::cpuid_leaf const value = host(leaf, sub);
        bool const end = leaf == x86::cpuid::leaf_xstate || leaf == x86::cpuid::leaf_features7
                             ? false
                             : (value.a & 31) == 0;
        if (end) {
            return;
        }
        if (value != x86::cpuid_leaf{} || sub == 0) {
            static_cast<void>(p.set(leaf, sub, value));
        }
    }
}

} // namespace detail

/// The state components that the policy lets a guest enable in XCR0.
constexpr std::uint64_t xcr0_offered(cpuid_policy const& p) noexcept {
    return p.has(x86::cpuid::xsave) ? detail::xstate_mask(p) : 0;
}

/// What the machine's processors say: leaves 0-0xd and 0x80000000-0x80000021 as `host(leaf,
/// subleaf)` answers them.
template <class HostCpuid>
constexpr cpuid_policy host_cpuid_policy(HostCpuid&& host) noexcept {
    using namespace x86::cpuid;
    cpuid_policy p;
    std::uint32_t const basic = host(leaf_vendor, 0U).a;
    for (std::uint32_t leaf = 0; leaf <= leaf_xstate && leaf <= basic; ++leaf) {
        detail::copy_host_leaf(p, host, leaf);
    }
    std::uint32_t const extended = host(leaf_ext_max, 0U).a;
    for (std::uint32_t leaf = leaf_ext_max; leaf <= leaf_ext_features2 && leaf <= extended;
         ++leaf) {
        detail::copy_host_leaf(p, host, leaf);
    }
    return p;
}

/// The most that a guest with hardware virtualization may be given on this machine.
constexpr cpuid_policy hvm_cpuid_policy(cpuid_policy const& host) noexcept {
    using namespace x86::cpuid;
    cpuid_policy p;
    for (auto const& e : host) {
        auto value = e.value;
        for (auto const reg : {x86::cpuid_register::ebx, x86::cpuid_register::ecx,
                               x86::cpuid_register::edx, x86::cpuid_register::eax}) {
            if (auto const* const w = detail::find_word(e.leaf, e.subleaf, reg)) {
                x86::get(value, reg) &= w->allowed;
            }
        }
        // Leaves of features that guests do not get are empty.
        if (e.leaf == leaf_monitor || e.leaf == leaf_pmu || e.leaf == 0x00000003 ||
            e.leaf == leaf_svm ||
            (e.leaf > leaf_svm && e.leaf != leaf_ext_features2 && e.leaf >= leaf_ext_max)) {
            continue;
        }
        if (e.leaf == leaf_power) {
            value = {value.a, 0, 0, 0};
        } else if (e.leaf == leaf_features7) {
            value.a = e.subleaf == 0 ? (value.a > 1 ? 1 : value.a) : value.a;
            value = e.subleaf == 0 ? value : x86::cpuid_leaf{value.a, 0, 0, 0};
        } else if (e.leaf == leaf_ext_power) {
            value = {0, 0, 0, value.d};
        } else if (e.leaf == leaf_ext_features2) {
            value = {value.a, 0, 0, 0};
        } else if (e.leaf == leaf_topology) {
            continue; // made up in `cpuid_query`
        } else if (e.leaf == leaf_xstate && e.subleaf == 0) {
            value = {value.a & static_cast<std::uint32_t>(guest_xcr0_mask), 0, 0, 0};
        } else if (e.leaf == leaf_xstate && e.subleaf == 1) {
            value = {value.a, 0, 0, 0};
        } else if (e.leaf == leaf_xstate &&
                   (e.subleaf > 62 || ((guest_xcr0_mask >> e.subleaf) & 1) == 0)) {
            continue;
        } else if (e.leaf == leaf_addresses) {
            auto const physical = (value.a & 0xff) > 48 ? 48 : value.a & 0xff;
            value = {physical | 48U << 8, value.b, 0, 0};
        }
        static_cast<void>(p.set(e.leaf, e.subleaf, value));
    }
    auto vendor = p.get(leaf_vendor);
    vendor.a = vendor.a > leaf_xstate ? leaf_xstate : vendor.a;
    static_cast<void>(p.set(leaf_vendor, cpuid_policy::no_subleaf, vendor));
    auto extended = p.get(leaf_ext_max);
    extended.a = extended.a > leaf_ext_features2 ? leaf_ext_features2 : extended.a;
    static_cast<void>(p.set(leaf_ext_max, cpuid_policy::no_subleaf, extended));
    auto features = p.get(leaf_features);
    x86::set(features, x86::cpuid::hypervisor, true);
    x86::set(features, x86::cpuid::x2apic, true);
    x86::set(features, x86::cpuid::apic, true);
    if (detail::xstate_mask(p) == 0) {
        x86::set(features, x86::cpuid::xsave, false);
    }
    static_cast<void>(p.set(leaf_features, cpuid_policy::no_subleaf, features));
    return p;
}

/// Whether QEMU's TCG carries out the instructions, by what its CPUID says at leaf 0x40000000:
/// "TCGTCGTCGTCG", over EBX, ECX and EDX.
constexpr bool is_tcg(x86::cpuid_leaf const& hypervisor) noexcept {
    return hypervisor.b == 0x54474354 && hypervisor.c == 0x43544743 && hypervisor.d == 0x47435447;
}

/// Makes the most that a domain may be given into what it gets when nobody says otherwise: without
/// the invariant TSC, which would not survive a migration. Where `is_emulated`, also without the
/// promises that REP MOVSB and STOSB are fast: TCG does them byte by byte, at an eighth of the
/// speed of those with words, which is what a guest takes instead.
constexpr void make_default(cpuid_policy& p, bool is_emulated) noexcept {
    auto power = p.get(x86::cpuid::leaf_ext_power);
    if (power != x86::cpuid_leaf{}) {
        x86::set(power, x86::cpuid::invariant_tsc, false);
        static_cast<void>(p.set(x86::cpuid::leaf_ext_power, cpuid_policy::no_subleaf, power));
    }
    if (is_emulated && p.find(x86::cpuid::leaf_features7, 0) != nullptr) {
        auto features = p.get(x86::cpuid::leaf_features7, 0);
        x86::set(features, x86::cpuid::erms, false);
        x86::set(features, x86::cpuid::fsrm, false);
        static_cast<void>(p.set(x86::cpuid::leaf_features7, 0, features));
    }
}

/// A leaf as the toolstack wants it, cut down to `most`. Errors: `range` for a leaf that the
/// hypervisor has no policy for; `nobufs`.
constexpr expected<void, errc> merge_cpuid_leaf(cpuid_policy& p,
                                                cpuid_policy const& most,
                                                cpuid_policy::entry const& wanted) noexcept {
    using namespace x86::cpuid;
    auto const leaf = wanted.leaf;
    if (leaf >= leaf_hypervisor && leaf <= leaf_hypervisor + 0x1ff) {
        return {}; // the hypervisor's own leaves are not up for choice
    }
    if (leaf > 0x1f && (leaf < leaf_ext_max || leaf > leaf_ext_features2 + 0xf)) {
        return unexpected(errc::range);
    }
    auto const* const limit = most.find(leaf, wanted.subleaf);
    if (limit == nullptr) {
        return {}; // nothing of it can be given
    }
    auto value = limit->value;
    for (auto const& w : detail::feature_words) {
        if (w.leaf == leaf && w.subleaf == wanted.subleaf) {
            auto asked = wanted.value;
            x86::get(value, w.reg) &= x86::get(asked, w.reg);
        }
    }
    if (leaf == leaf_vendor || leaf == leaf_ext_max) {
        value.a = wanted.value.a < value.a ? wanted.value.a : value.a;
    } else if (leaf == leaf_features) {
        value.a = wanted.value.a;
        x86::set(value, x86::cpuid::hypervisor, true);
    } else if (leaf >= leaf_brand0 && leaf < leaf_brand0 + 3) {
        value = wanted.value;
    } else if (leaf == leaf_xstate && wanted.subleaf == 0) {
        value.a &= wanted.value.a;
        value.d &= wanted.value.d;
    }
    return p.set(leaf, wanted.subleaf, value);
}

} // namespace xenpp::hv
