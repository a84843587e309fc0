// SPDX-License-Identifier: Apache-2.0
// The plan of a PV domain: what lies where, what is mapped how, what does not fit and why.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/elf_maker.hpp"

#include <xenpp/abi/elfnote.hpp>
#include <xenpp/builder/pv_layout.hpp>
#include <xenpp/builder/pv_start.hpp>

#include <algorithm>
#include <set>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

made_note number_note(std::uint32_t type, std::uint64_t value) {
    return {type, bytes_of_number(value)};
}

made_note text_note(std::uint32_t type, std::string_view text) {
    return {type, bytes_of(std::string(text) + '\0')};
}

constexpr std::uint64_t linux_base = 0xffffffff80000000;

/// The notes of Debian 12's kernel.
elf_maker linux_elf() {
    elf_maker m;
    m.segments = {{0x1000000, bytes_of("text"), 0x1000}, {0x1001000, bytes_of("data"), 0x2dff000}};
    m.notes = {
        text_note(abi::elfnote_guest_os, "linux"),
        text_note(abi::elfnote_xen_version, "xen-3.0"),
        number_note(abi::elfnote_virt_base, linux_base),
        number_note(abi::elfnote_paddr_offset, 0),
        number_note(abi::elfnote_entry, 0xffffffff8304e1c0),
        number_note(abi::elfnote_init_p2m, 0x8000000000),
        text_note(abi::elfnote_features, "!writable_page_tables|pae_pgdir_above_4gb"),
        text_note(abi::elfnote_pae_mode, "yes"),
        {abi::elfnote_l1_mfn_valid, bytes_of(std::string("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16))},
        number_note(abi::elfnote_mod_start_pfn, 1),
        number_note(abi::elfnote_phys32_entry, 0x1000850),
    };
    return m;
}

/// The notes of GRUB's: mapped one to one from 0, everything in one mapping.
elf_maker grub_elf() {
    elf_maker m;
    m.segments = {{0, bytes_of("grub"), 0x41e1f0}, {0x41e1f0, bytes_of("mods"), 0x1f5bd8}};
    m.notes = {
        text_note(abi::elfnote_guest_os, "GRUB"),
        text_note(abi::elfnote_xen_version, "xen-3.0"),
        number_note(abi::elfnote_virt_base, 0),
        number_note(abi::elfnote_entry, 0),
    };
    return m;
}

kernel_image image_of(elf_maker const& m) {
    return parse_kernel(mapped(m.build())).value();
}

made_note& note_of(elf_maker& m, std::uint32_t type) {
    return *std::ranges::find(m.notes, type, &made_note::type);
}

std::string why_not(pv_request const& r) {
    auto const p = plan_pv(r);
    REQUIRE_FALSE(p);
    return p.error().detail;
}

std::string why_not(elf_maker const& m) {
    auto const kernel = image_of(m);
    return why_not({.kernel = &kernel, .memory_mib = 256});
}

/// Every frame a machine frame of its own, in an order of its own.
std::vector<mfn> scattered(std::uint64_t pages) {
    std::vector<mfn> out;
    for (std::uint64_t i = 0; i != pages; ++i) {
        out.push_back(mfn(0x100000 + (i ^ 0x55)));
    }
    return out;
}

/// The tables of a plan as the processor would walk them.
class walker {
public:
    explicit walker(pv_plan const& p) : p2m_(scattered(p.pages)) {
        for (auto const& t : p.tables.tables()) {
            auto& content = tables_[p2m_[t.frame.raw()].raw()];
            content.resize(512);
            p.tables.write(std::span<std::uint64_t, 512>(content.data(), 512), t, p2m_);
        }
        root_ = p2m_[p.tables.root().raw()].raw();
    }

    /// The entry that maps the page, 0 if nothing does.
    std::uint64_t entry(gva a) const {
        auto frame = root_;
        for (unsigned shift = 39;; shift -= 9) {
            auto const e = tables_.at(frame).at((a.raw() >> shift) & 511);
            if (shift == 12 || e == 0) {
                return e;
            }
            CHECK((e & 0xfff) == 0x67);
            frame = (e & 0xffffffffff000) >> 12;
        }
    }

    std::uint64_t expected(pfn f, bool writable) const {
        return p2m_[f.raw()].raw() << 12 | (writable ? 0x67 : 0x65);
    }

private:
    std::vector<mfn> p2m_;
    std::map<std::uint64_t, std::vector<std::uint64_t>> tables_;
    std::uint64_t root_ = 0;
};

/// What holds for every plan.
void check_laws(pv_plan const& p) {
    std::vector<pfn_run> runs{p.ramdisk,       {p.start_info, 1}, {p.xenstore, 1}, {p.console, 1},
                              p.kernel_tables, {p.stack, 1},      p.p2m,           p.p2m_tables};
    std::set<std::uint64_t> used;
    for (std::uint64_t f = 0; f < (p.kernel.end + 0xfff) >> 12; ++f) {
        used.insert(f);
    }
    for (auto const& r : runs) {
        for (auto f = r.start; f < r.end(); ++f) {
            CHECK(f.raw() < p.pages);
            CHECK(used.insert(f.raw()).second);
        }
    }
    CHECK(p.mapped_pages <= p.pages);
    CHECK((p.kernel.virt_base.raw() + (p.mapped_pages << 12)) % (4U << 20) == 0);
    CHECK(p.mapped_pages - p.stack.raw() - 1 >= 128);
    walker const w(p);
    auto const is_table = [&](pfn f) {
        return p.kernel_tables.contains(f) || p.p2m_tables.contains(f);
    };
    for (pfn f{0}; f.raw() != p.mapped_pages; ++f) {
        REQUIRE(w.entry(p.address_of(f)) == w.expected(f, !is_table(f)));
    }
    CHECK(w.entry(p.address_of(pfn(p.mapped_pages))) == 0);
    for (std::uint64_t i = 0; i != p.p2m.count; ++i) {
        REQUIRE(w.entry(p.p2m_address() + (i << 12)) == w.expected(p.p2m.start + i, true));
    }
}

} // namespace

TEST_CASE("pv_layout.a_256_mib_domain_lies_as_xens_tools_lay_it") {
    auto const kernel = image_of(linux_elf());
    auto const ramdisk = bytes_of(std::string(0x1e4a10, 'r'));
    auto const p = plan_pv({.kernel = &kernel,
                            .ramdisk = ramdisk,
                            .command_line = "console=hvc0",
                            .memory_mib = 256,
                            .vcpus = 2,
                            .max_vcpus = 2})
                       .value();
    check_laws(p);
    CHECK(p.pages == 0x10000);
    CHECK(p.start_info == pfn(0x3e00));
    CHECK(p.xenstore == pfn(0x3e01));
    CHECK(p.console == pfn(0x3e02));
    CHECK(p.kernel_tables == pfn_run{pfn(0x3e03), 0x23});
    CHECK(p.stack == pfn(0x3e26));
    CHECK(p.mapped_pages == 0x4000);
    CHECK(p.ramdisk == pfn_run{pfn(0x4000), 0x1e5});
    CHECK(p.p2m == pfn_run{pfn(0x41e5), 0x80});
    CHECK(p.p2m_tables == pfn_run{pfn(0x4265), 3});
    CHECK(p.placements.size() == 3);
    CHECK(p.placements[2].what == "ramdisk");
    CHECK(p.placements[2].at == gpa(0x4000000));

    auto const s =
        make_start_info(p, {mfn(0x123), mfn(0x456), mfn(0x789), evtchn_port(1), evtchn_port(2)});
    CHECK(std::string(s.magic) == "xen-3.0-x86_64");
    CHECK(s.nr_pages == 0x10000);
    CHECK(s.shared_info == 0x123000);
    CHECK(s.flags == 8);
    CHECK(s.store_mfn == 0x456);
    CHECK(s.store_evtchn == 1);
    CHECK(s.console.domU.mfn == 0x789);
    CHECK(s.console.domU.evtchn == 2);
    CHECK(s.pt_base == 0xffffffff83e03000);
    CHECK(s.nr_pt_frames == 0x23);
    CHECK(s.mfn_list == 0x8000000000);
    CHECK(s.first_p2m_pfn == 0x41e5);
    CHECK(s.nr_p2m_frames == 0x83);
    CHECK(s.mod_start == 0x4000);
    CHECK(s.mod_len == 0x1e4a10);
    CHECK(std::string_view(reinterpret_cast<char const*>(s.cmd_line)) == "console=hvc0");

    auto const r = make_boot_registers(p, mfn(0xabc));
    CHECK(r.flags == (abi::vgcf_in_kernel | abi::vgcf_online));
    CHECK(r.user_regs.rip == 0xffffffff8304e1c0);
    CHECK(r.user_regs.rsi == 0xffffffff83e00000);
    CHECK(r.user_regs.rsp == 0xffffffff83e27000);
    CHECK(r.user_regs.rflags == 0x200);
    CHECK(r.user_regs.cs == 0xe033);
    CHECK(r.user_regs.ss == 0xe02b);
    CHECK((r.user_regs.ds == 0 && r.user_regs.es == 0 && r.user_regs.fs == 0));
    CHECK(r.ctrlreg[3] == 0xabc000);
    CHECK(r.debugreg[7] == 0x400);
}

TEST_CASE("pv_layout.without_its_own_place_the_p2m_array_is_mapped_with_the_kernel") {
    auto const kernel = image_of(grub_elf());
    auto const ramdisk = bytes_of(std::string(0x3001, 'r'));
    auto const p = plan_pv({.kernel = &kernel, .ramdisk = ramdisk, .memory_mib = 64}).value();
    check_laws(p);
    CHECK(p.ramdisk == pfn_run{pfn(0x614), 4});
    CHECK(p.p2m == pfn_run{pfn(0x618), 0x20});
    CHECK(p.start_info == pfn(0x638));
    CHECK(p.kernel_tables == pfn_run{pfn(0x63b), 1 + 1 + 1 + 4});
    CHECK(p.p2m_tables.count == 0);
    CHECK(p.mapped_pages == 0x800);
    auto const s = make_start_info(p, {});
    CHECK(s.flags == 0);
    CHECK(s.mod_start == 0x614000);
    CHECK(s.mod_len == 0x3001);
    CHECK(s.mfn_list == 0x618000);
    CHECK(s.first_p2m_pfn == 0);
    CHECK(s.nr_p2m_frames == 0);
    CHECK(make_boot_registers(p, {}).user_regs.rip == 0);
}

TEST_CASE("pv_layout.tables_are_counted_with_themselves") {
    // Kernels whose end comes closer and closer to where the mapping takes one table more.
    for (std::uint64_t end = 0x3000000; end < 0x3400000; end += 0x21000) {
        auto m = linux_elf();
        m.segments[1].memory_size = end - 0x1001000;
        note_of(m, abi::elfnote_entry).contents = bytes_of_number(linux_base + 0x1000000);
        auto const kernel = image_of(m);
        CAPTURE(end);
        check_laws(plan_pv({.kernel = &kernel, .memory_mib = 80}).value());
    }
}

TEST_CASE("pv_layout.paddr_offset_and_virt_base_shift_the_kernel") {
    auto m = grub_elf();
    m.segments = {{0x40000000, bytes_of("code"), 0x2000}};
    m.notes[2] = number_note(abi::elfnote_virt_base, 0xffffffffc0000000);
    m.notes[3] = number_note(abi::elfnote_entry, 0xffffffffc0000040);
    m.notes.push_back(number_note(abi::elfnote_paddr_offset, 0x40000000));
    m.notes.push_back(number_note(abi::elfnote_hypercall_page, 0xffffffffc0001000));
    auto const kernel = image_of(m);
    auto const p = plan_pv({.kernel = &kernel, .memory_mib = 8}).value();
    check_laws(p);
    CHECK(p.placements[0].at == gpa(0));
    CHECK(p.kernel.hypercall_page == gva(0xffffffffc0001000));
    CHECK(p.start_info.raw() == 2 + 4);
}

TEST_CASE("pv_layout.a_large_domains_p2m_array_takes_more_tables") {
    auto const kernel = image_of(linux_elf());
    auto const p = plan_pv({.kernel = &kernel, .memory_mib = 65536}).value();
    CHECK(p.p2m.count == 0x8000);
    CHECK(p.p2m_tables.count == 1 + 1 + 64);
    CHECK(p.pages == 0x1000000);
}

TEST_CASE("pv_layout.a_domain_that_is_too_small_is_told_what_it_needs") {
    auto const kernel = image_of(linux_elf());
    byte_vector const ramdisk(std::size_t{2} << 20);
    CHECK(why_not({.kernel = &kernel, .ramdisk = ramdisk, .memory_mib = 32}) ==
          "memory=32 MiB is too small for the kernel (it ends at 62 MiB) and the ramdisk (2 MiB): "
          "at least 67 MiB are needed");
    CHECK(plan_pv({.kernel = &kernel, .ramdisk = ramdisk, .memory_mib = 67}));
    CHECK(why_not({.kernel = &kernel, .memory_mib = 64}) ==
          "memory=64 MiB is too small for the kernel (it ends at 62 MiB): at least 65 MiB are "
          "needed");
    CHECK(plan_pv({.kernel = &kernel, .memory_mib = 65}));
}

TEST_CASE("pv_layout.impossible_requests_are_refused_in_words") {
    auto const kernel = image_of(linux_elf());
    pv_request const good{.kernel = &kernel, .memory_mib = 128};
    auto r = good;
    r.vcpus = 2;
    CHECK(why_not(r) ==
          "vcpus=2 and maxvcpus=1 do not go together: 1 <= vcpus <= maxvcpus <= 8192");
    r = good;
    r.memory_mib = 0;
    CHECK(why_not(r) == "memory=0 MiB is not possible: 1 to 16777216 MiB are");
    r = good;
    std::string const line(1024, 'x');
    r.command_line = line;
    CHECK(why_not(r) == "the command line has 1024 characters; a PV guest takes at most 1023");
    r.command_line = std::string_view("a\0b", 3);
    CHECK(why_not(r) == "the command line holds a zero character");
    r.command_line = std::string_view(line).substr(1);
    CHECK(plan_pv(r));
}

TEST_CASE("pv_kernel.what_is_no_64_bit_pv_kernel_is_refused_in_words") {
    elf_maker none;
    none.notes.clear();
    CHECK(why_not(none) == "the kernel has no Xen ELF notes, so it cannot run as a PV guest (for "
                           "Linux enable CONFIG_XEN_PV)");
    CHECK(why_not(elf_maker{}) == "the kernel is made for PVH alone: type = \"pvh\" (for Linux, "
                                  "PV takes CONFIG_XEN_PV)");
    elf_maker pvh;
    pvh.notes.push_back(text_note(abi::elfnote_xen_version, "xen-3.0"));
    CHECK(why_not(pvh) ==
          "the kernel has no PV entry (ELF note ENTRY), only a PVH one: type = \"pvh\"");
    auto m = grub_elf();
    m.is_64 = false;
    m.machine = 3;
    CHECK(why_not(m) == "the kernel is a 32-bit PV kernel; only 64-bit ones are supported");
    m = linux_elf();
    note_of(m, abi::elfnote_xen_version) = text_note(abi::elfnote_xen_version, "xen-9");
    CHECK(why_not(m) ==
          "the kernel wants the guest interface \"xen-9\"; there is only \"xen-3.0\"");
}

TEST_CASE("pv_kernel.features_it_cannot_do_without_must_be_there") {
    auto m = linux_elf();
    auto& features = note_of(m, abi::elfnote_features);
    auto const says = [](std::string_view name) {
        return "the kernel cannot do without \"" + std::string(name) +
               "\", which a PV domain does not have here";
    };
    for (std::string const name : {"auto_translated_physmap", "dom0", "supervisor_mode_kernel",
                                   "writable_descriptor_tables", "teleport"}) {
        features = text_note(abi::elfnote_features, "writable_page_tables|!" + name);
        CHECK(why_not(m) == says(name));
        features = text_note(abi::elfnote_features, name + "|!writable_page_tables");
        auto const kernel = image_of(m);
        CHECK(plan_pv({.kernel = &kernel, .memory_mib = 256}));
    }
}

TEST_CASE("pv_kernel.addresses_that_do_not_go_together_are_refused") {
    auto m = linux_elf();
    note_of(m, abi::elfnote_entry) = number_note(abi::elfnote_entry, linux_base);
    CHECK(why_not(m) ==
          "the kernel is damaged: its PV entry 0xffffffff80000000 lies in no segment");
    m = linux_elf();
    note_of(m, abi::elfnote_virt_base) = number_note(abi::elfnote_virt_base, 0xffffffff80000800);
    CHECK(why_not(m) ==
          "the kernel is damaged: an address in its Xen ELF notes is not that of a page");
    m = linux_elf();
    m.notes.push_back(number_note(abi::elfnote_hypercall_page, linux_base + 0x3e00000));
    CHECK(why_not(m) == "the kernel is damaged: its hypercall page 0xffffffff83e00000 lies in no "
                        "segment");
    m = linux_elf();
    note_of(m, abi::elfnote_paddr_offset) = number_note(abi::elfnote_paddr_offset, 0x1001000);
    CHECK(why_not(m) == "the kernel is damaged: a segment at 0x1000000 lies below its "
                        "PADDR_OFFSET 0x1001000");
    m = linux_elf();
    note_of(m, abi::elfnote_l1_mfn_valid).contents =
        bytes_of(std::string("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
    CHECK(why_not(m) == "the kernel marks valid page-table entries by 0x0 of 0x2, which those of "
                        "its builder do not carry");
}

TEST_CASE("pv_layout.addresses_that_are_the_hypervisors_or_nobodys_are_refused") {
    // Base of the mapping with a kernel of 4 MiB, and whether its 8 MiB fit there.
    struct row {
        std::uint64_t base;
        bool fits;
    };

    for (auto const& r : std::vector<row>{{0x00007fffff800000, true},
                                          {0x00007fffffc00000, false},
                                          {0x0000800000000000, false},
                                          {0xffff800000000000, false},
                                          {0xffff87ffffc00000, false},
                                          {0xffff880000000000, true},
                                          {0xffffffffff000000, true},
                                          {0xffffffffff800000, false}}) {
        auto m = grub_elf();
        m.segments = {{0, bytes_of("code"), 0x400000}};
        m.notes[2] = number_note(abi::elfnote_virt_base, r.base);
        m.notes[3] = number_note(abi::elfnote_entry, r.base);
        auto const kernel = image_of(m);
        CAPTURE(r.base);
        auto const p = plan_pv({.kernel = &kernel, .memory_mib = 16});
        CHECK(p.has_value() == r.fits);
        if (p) {
            check_laws(*p);
        } else {
            CHECK(p.error().detail.starts_with("there are not enough addresses"));
        }
    }
    auto m = linux_elf();
    for (std::uint64_t const at : {std::uint64_t{0xffff800000000000}, linux_base + 0x3000000,
                                   std::uint64_t{0x0000800000000000}}) {
        note_of(m, abi::elfnote_init_p2m) = number_note(abi::elfnote_init_p2m, at);
        CHECK(why_not(m).starts_with("the p2m array cannot be mapped at 0x"));
    }
}

TEST_CASE("pv_page_tables.mappings_share_tables") {
    pv_page_tables t;
    t.add({gva(0), {pfn(0), 512}}, pfn(100));
    CHECK(t.tables().size() == 4);
    CHECK(t.missing_for({gva(0x200000), {pfn(0), 1}}) == 1);
    CHECK(t.missing_for({gva(0x1ff000), {pfn(0), 2}}) == 1);
    CHECK(t.missing_for({gva(0x40000000), {pfn(0), 1}}) == 2);
    CHECK(t.missing_for({gva(0xffffffffffe00000), {pfn(0), 512}}) == 3);
    t.add({gva(0x40000000), {pfn(600), 513}}, pfn(200));
    auto const all = t.tables();
    REQUIRE(all.size() == 7);
    CHECK(t.root() == pfn(100));
    CHECK(all.front().level == 4);
    CHECK(all.back().level == 1);
    CHECK(all.back().frame == pfn(202));
}
