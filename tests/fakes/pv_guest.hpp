// SPDX-License-Identifier: Apache-2.0
// A PV domain as a builder leaves it: page tables that map all of its memory, and a kernel that can
// be called for.
#pragma once

#include <xenpp/hv/hypercall_table.hpp>

#include <fakes/hv_host.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace xenpp::fakes {

/// Page n of the domain is `frames[n]`, mapped at `base` + n pages: writable, but for the page
/// tables, which are the last of them. vCPU 0 has been given the root.
class pv_guest {
public:
    using domain = hv_host::domain;
    using vcpu = hv_host::vcpu;

    static constexpr std::uint64_t base = 0xffff'8880'0000'0000;
    static constexpr std::uint64_t rw = hv::pv::entry_present | hv::pv::entry_write |
                                        hv::pv::entry_user | hv::pv::entry_accessed |
                                        hv::pv::entry_dirty;
    static constexpr std::uint64_t ro = rw & ~hv::pv::entry_write;
    static constexpr std::uint64_t second_base = 0x0000'1234'5660'0000; ///< see make_second_root
    static constexpr unsigned arguments = 0; ///< the page in which hypercall arguments lie

    /// `pages` of at most 2 MiB, of which the last four are tables.
    explicit pv_guest(hv_host& h, unsigned pages = 64, unsigned vcpus = 2)
        : host(h), d(make(h, pages, vcpus)), frames(pages) {
        for (unsigned n = 0; n != pages; ++n) {
            frames[n] = hv::allocate_domain_pages(d, 0).value();
            hv::pv::name_frames(d, frames[n], 0, n);
        }
        auto* const l1 = table(page_of_l1());
        for (unsigned n = 0; n != pages; ++n) {
            l1[n] = entry(n, n + 4 < pages ? rw : ro);
        }
        using hv::pv::table_index;
        table(page_of_l1() + 1)[table_index(base, 2)] = entry(page_of_l1(), rw);
        table(page_of_l1() + 2)[table_index(base, 3)] = entry(page_of_l1() + 1, rw);
        table(page_of_root())[table_index(base, 4)] = entry(page_of_l1() + 2, rw);
        hv::pv::table_work w(d);
        hv::pv::set_kernel_root(w, v(), frames[page_of_root()]).value();
    }

    /// Makes page `first` and the three before it a second root, by hypercalls: it maps what the
    /// kernel's does, and by the L1 in page `first` - 3, which is empty, `second_base` too.
    void make_second_root(unsigned first) {
        using hv::pv::table_index;
        for (unsigned n = 0; n != 4; ++n) {
            std::memset(table(first - n), 0, page_size);
        }
        for (unsigned level = 4; level != 1; --level) {
            table(first - 4 + level)[table_index(second_base, level)] =
                entry(first - 5 + level, rw);
        }
        table(first)[table_index(base, 4)] = entry(page_of_l1() + 2, rw);
        for (unsigned n = 0; n != 4; ++n) {
            if (protect(first - n, ro) != 0) {
                std::abort();
            }
        }
    }

    unsigned page_of_l1() const { return static_cast<unsigned>(frames.size()) - 4; }

    unsigned page_of_root() const { return static_cast<unsigned>(frames.size()) - 1; }

    vcpu& v(unsigned n = 0) { return *d.vcpus[n]; }

    /// The content of page `n`, past all rules.
    std::uint64_t* table(unsigned n) {
        return reinterpret_cast<std::uint64_t*>(host.platform.map(frames[n]));
    }

    std::uint64_t entry(unsigned page, std::uint64_t flags) const {
        return to_maddr(frames[page]).raw() | flags;
    }

    static std::uint64_t address(unsigned page) { return base + page * page_size; }

    /// The machine address of entry `index` of page `n`.
    std::uint64_t slot(unsigned n, unsigned index) const {
        return to_maddr(frames[n]).raw() + index * 8;
    }

    hv::page_info& info(unsigned page) { return host.hv.frames.info(frames[page]); }

    hv::pv::type_word type(unsigned page) { return hv::pv::type_of(info(page)); }

    // --- hypercalls of vCPU 0: 0 or -errno ---
    long call(abi::hypercall number, std::array<std::uint64_t, 6> arg, unsigned n = 0) {
        return host.call(
            [number](vcpu& who, hv::hypercall_args& args) {
                return hv::dispatch_hypercall(who, static_cast<unsigned>(number), args);
            },
            v(n), arg);
    }

    template <class T>
    std::uint64_t put(std::vector<T> const& values, unsigned page = arguments) {
        std::memcpy(table(page), values.data(), values.size() * sizeof(T));
        return address(page);
    }

    long mmu_update(std::vector<abi::mmu_update> const& requests) {
        auto const at = put(requests);
        auto const r = call(abi::hypercall::mmu_update,
                            {at, requests.size(), address(1) - 8, abi::domid_self});
        std::memcpy(&done, reinterpret_cast<std::byte*>(table(0)) + page_size - 8, sizeof done);
        return r;
    }

    long write(unsigned page, unsigned index, std::uint64_t value, std::uint64_t command = 0) {
        return mmu_update({{slot(page, index) | command, value}});
    }

    long mmuext(abi::mmuext_op const& op) {
        auto const at = put(std::vector{op});
        return call(abi::hypercall::mmuext_op, {at, 1, 0, abi::domid_self});
    }

    long mmuext(abi::mmuext_cmd cmd, unsigned page) {
        abi::mmuext_op op{};
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.arg1.mfn = frames[page].raw();
        return mmuext(op);
    }

    /// Maps page `page` (of itself) anew.
    long protect(unsigned page, std::uint64_t flags) {
        return call(abi::hypercall::update_va_mapping, {address(page), entry(page, flags), 0});
    }

    hv_host& host;
    domain& d;
    std::vector<mfn> frames;
    std::uint32_t done = 0; ///< what the last mmu_update said

    static abi::domctl_createdomain create_args(unsigned vcpus) {
        auto c = hv_host::create_args(vcpus);
        c.flags = 0;
        c.arch.emulation_flags = 0;
        return c;
    }

private:
    static domain& make(hv_host& h, unsigned pages, unsigned vcpus) {
        auto& d = *hv::create_domain(h.hv, h.free_id(), create_args(vcpus)).value();
        d.max_pages = pages + 1024;
        for (unsigned n = 0; n != vcpus; ++n) {
            hv::vcpu_create(d, vcpu_id(n)).value();
        }
        return d;
    }
};

} // namespace xenpp::fakes
