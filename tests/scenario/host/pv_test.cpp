// SPDX-License-Identifier: Apache-2.0
// PV domains on a simulated host: what the builder leaves in them, and that nothing leaks.
#include "each_failure.hpp"
#include "host/create.hpp"
#include "host_bed.hpp"

#include <xenpp/abi/elfnote.hpp>
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/grant_table.hpp>
#include <xenpp/ctl/mmu.hpp>

#include <cstring>

using namespace xenpp;
using fakes::host_bed;

namespace {

constexpr std::uint64_t base = 0xffffffff80000000;

fakes::byte_vector pv_kernel() {
    auto const number = [](std::uint32_t type, std::uint64_t value) {
        return fakes::made_note{type, fakes::bytes_of_number(value)};
    };
    fakes::elf_maker m;
    m.segments = {{0x100000, fakes::bytes_of("code"), 0x5000}};
    m.notes = {
        {abi::elfnote_xen_version, fakes::bytes_of(std::string("xen-3.0\0", 8))},
        number(abi::elfnote_virt_base, base),
        number(abi::elfnote_entry, base + 0x100010),
        number(abi::elfnote_hypercall_page, base + 0x101000),
        number(abi::elfnote_init_p2m, 0x8000000000),
        number(abi::elfnote_mod_start_pfn, 1),
    };
    return m.build();
}

struct pv_bed : host_bed {
    using host_bed::host_bed;

    std::string pv = folder.file("pv-kernel", pv_kernel());

    config::domain_config pv_config(std::string name) const {
        auto c = config(std::move(name));
        c.type = config::domain_type::pv;
        c.kernel = pv;
        c.vcpus = c.maxvcpus = 2;
        return c;
    }

    ctl::connection& hypervisor() { return session().hypervisor(); }

    /// A machine frame of the domain, as often as somebody may see it.
    result<transport::foreign_mapping> map(domid d, std::uint64_t frame, os::access access) {
        gfn const f(frame);
        return hypervisor().doors().map_foreign(d, std::span(&f, 1), access);
    }

    template <class T>
    T read(domid d, std::uint64_t machine_address) {
        auto const m = map(d, machine_address >> page_shift, os::access::read_only).value();
        T value{};
        std::memcpy(&value, m.data() + machine_address % page_size, sizeof value);
        return value;
    }

    /// Where a virtual address leads, by the domain's own page tables.
    std::uint64_t translate(domid d, std::uint64_t root, std::uint64_t address) {
        auto table = root;
        for (unsigned shift = 39;; shift -= 9) {
            auto const e = read<std::uint64_t>(d, table + 8 * (address >> shift & 511));
            REQUIRE((e & 1) != 0);
            table = e & 0x000ffffffffff000;
            if (shift == 12) {
                return table + address % page_size;
            }
        }
    }
};

} // namespace

TEST_CASE("pv.a domain finds at its start what it was promised") {
    pv_bed b;
    auto c = b.pv_config("guest");
    c.cmdline = "quiet";
    c.ramdisk = b.folder.file("ramdisk", fakes::bytes_of("a ramdisk"));
    auto const d = b.host.create(c).value();
    auto const id = d.id();
    auto& hypervisor = b.hypervisor();
    auto const regs = ctl::get_vcpu_context(hypervisor, id, vcpu_id(0)).value();
    CHECK(regs.user_regs.rip == base + 0x100010);
    auto const root = regs.ctrlreg[3];
    auto const at = [&](std::uint64_t address) { return b.translate(id, root, address); };

    auto const info = b.read<abi::start_info>(id, at(regs.user_regs.rsi));
    CHECK(std::string(info.magic) == "xen-3.0-x86_64");
    CHECK(info.nr_pages == 16 << 8);
    CHECK(std::string(reinterpret_cast<char const*>(info.cmd_line)) == "quiet");
    CHECK(at(info.pt_base) == root);
    CHECK(info.mfn_list == 0x8000000000);
    auto const p2m = [&](std::uint64_t pfn) {
        return b.read<std::uint64_t>(id, at(info.mfn_list + 8 * pfn));
    };
    CHECK(at(base + 0x100000) == p2m(0x100) << page_shift);
    CHECK(b.read<std::array<char, 4>>(id, at(base + 0x100000)) == std::array{'c', 'o', 'd', 'e'});
    CHECK(info.flags == abi::sif_mod_start_pfn);
    CHECK(info.mod_len == 9);
    CHECK(b.read<std::array<char, 9>>(id, p2m(info.mod_start) << page_shift)[8] == 'k');
    CHECK(b.read<std::uint8_t>(id, at(base + 0x101000)) == 0x51); // a hypercall stub's first byte
    CHECK(b.read<abi::shared_info>(id, info.shared_info).vcpu_info[1].evtchn_upcall_mask == 1);

    auto const grants = ctl::first_grant_frame(hypervisor, id).value().raw() << page_shift;
    auto const grant = [&](unsigned n) { return b.read<abi::grant_entry_v1>(id, grants + 8 * n); };
    CHECK(grant(0).frame == info.console.domU.mfn);
    CHECK(grant(1).frame == info.store_mfn);
    CHECK(grant(1).flags == abi::gtf_permit_access);

    // The tables are tables: nobody, the control domain included, maps one writable.
    CHECK_FALSE(b.map(id, root >> page_shift, os::access::read_write));
    CHECK_FALSE(ctl::pin_root_table(hypervisor, id, mfn(p2m(5))));
    CHECK(d.config().value().type == config::domain_type::pv);
}

TEST_CASE("pv.a stop before any step leaves nothing") {
    class stop_before final : public builder::step_observer {
    public:
        explicit stop_before(std::size_t n) noexcept : n_(n) {}

        result<void> before(std::string_view) override {
            return seen_++ == n_ ? fail("test", EIO, "stopped") : result<void>();
        }

    private:
        std::size_t n_;
        std::size_t seen_ = 0;
    };

    pv_bed b;
    b.host.create(b.pv_config("first")).value().destroy().value();
    auto const before = b.look();
    std::size_t n = 0;
    for (;; ++n) {
        stop_before observer(n);
        auto const made = detail::create_domain(b.host.session(), b.pv_config("guest"),
                                                {.start = true}, &observer);
        if (made) {
            break;
        }
        INFO("step " << n);
        CHECK(b.look() == before);
    }
    CHECK(n == 27); // steps
}

TEST_CASE("pv.a failure of any hypercall leaves nothing") {
    pv_bed b;
    b.host.create(b.pv_config("first")).value().destroy().value();
    fakes::failing_host f(b);
    CHECK(fakes::fail_each(b, f, f.doors(), b.pv_config("guest"),
                           [](auto const& made) { CHECK(!made); }) > 30);
}
