// SPDX-License-Identifier: Apache-2.0
// What mmu_update and mmuext_op share: whose memory is meant, how a batch goes on, vCPU masks.
#pragma once

#include <xenpp/hv/guest_access.hpp>
#include <xenpp/hv/hypercall.hpp>
#include <xenpp/hv/hypervisor.hpp>

#include <cstdint>

namespace xenpp::hv::pv {

/// The domain whose tables a call is about: the caller's own, without a count, or another's.
template <class P>
class mmu_target {
public:
    /// `who` is a domain number, and above it that of the tables' owner plus one, or 0. Errors:
    /// `perm` for another domain, but of the control domain; `srch`; `inval` if it is not PV.
    static expected<mmu_target, errc> find(vcpu<P>& v, std::uint32_t who) noexcept {
        domid const owner(static_cast<std::uint16_t>(who));
        auto const tables = who >> 16;
        bool const is_one = tables == 0 || tables == owner.raw() + 1U;
        bool const is_own = owner == domid_self || owner == v.dom.id;
        if (is_own && is_one && v.dom.kind == domain_kind::pv) [[likely]] {
            return mmu_target(v.dom, {});
        }
        if (!v.dom.is_privileged() || !is_one) {
            return unexpected(errc::perm);
        }
        auto other = find_domain(v.dom.hv, owner);
        if (!other || other->is_dying()) {
            return unexpected(errc::srch);
        }
        if (other->kind != domain_kind::pv) {
            return unexpected(errc::inval);
        }
        auto& d = *other;
        return mmu_target(d, std::move(other));
    }

    domain<P>& operator*() const noexcept { return *d_; }

private:
    mmu_target(domain<P>& d, domain_ref<P> held) noexcept : d_(&d), held_(std::move(held)) {}

    domain<P>* d_;
    domain_ref<P> held_;
};

/// A batch whose arguments are: an array, its length, where to say how many elements were done, and
/// a domain. It goes on with the rest of the array, its length marked; the count so far is where
/// the caller wants it.
template <class P>
class mmu_batch {
public:
    mmu_batch(vcpu<P>& v, hypercall_args& args) noexcept
        : v_(v), args_(args), count_(static_cast<std::uint32_t>(args.arg[1])) {}

    std::uint32_t count() const noexcept { return count_ & ~continued; }

    /// Says how many elements were done in this turn, and with what result. On `restart` the
    /// arguments are those for the rest.
    hypercall_result
    end(std::uint32_t done, std::size_t element, expected<void, errc> result) noexcept {
        if (args_.arg[2] != 0) {
            std::uint32_t before = 0;
            if ((count_ & continued) != 0) {
                before = XENPP_TRY(read_guest<std::uint32_t>(v_, args_.arg[2]));
            }
            XENPP_TRY(write_guest<std::uint32_t>(v_, args_.arg[2], before + done));
        }
        if (!result && result.error() == errc::restart) {
            args_.arg[0] += done * element;
            args_.arg[1] = (count() - done) | continued;
        }
        if (!result) {
            return unexpected(result.error());
        }
        return std::uint64_t{0};
    }

private:
    static constexpr std::uint32_t continued = 1U << 31; ///< as Xen: the guest may see it

    vcpu<P>& v_;
    hypercall_args& args_;
    std::uint32_t count_;
};

/// The CPUs on which vCPUs run that a guest's bit map names.
template <class P>
expected<cpu_mask, errc> cpus_of_vcpus(vcpu<P>& v, std::uint64_t map) noexcept {
    cpu_mask cpus = 0;
    for (unsigned base = 0; base < v.dom.max_vcpus; base += 64) {
        auto const bits = XENPP_TRY(read_guest<std::uint64_t>(v, map, base / 64));
        for (unsigned i = 0; i != 64 && base + i < v.dom.max_vcpus; ++i) {
            auto const* const other = atomic_load(v.dom.vcpus[base + i]);
            if ((bits >> i & 1) != 0 && other != nullptr && atomic_load(other->running)) {
                cpus |= cpu_mask{1} << other->processor.raw();
            }
        }
    }
    return cpus;
}

} // namespace xenpp::hv::pv
