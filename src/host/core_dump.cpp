// SPDX-License-Identifier: Apache-2.0
// A domain's memory and registers as an ELF core with Xen's notes, for crash and gdb's helpers.
#include "host/core_dump.hpp"

#include "host/core_pages.hpp"

#include <xenpp/abi/elfnote.hpp>
#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/version.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace xenpp {
namespace {

constexpr std::string_view operation = "dump domain's core";
constexpr std::uint64_t page_size = 4096;

using bytes = std::vector<std::byte>;

// ELF-64 (gABI): what is needed of it.
struct elf_header {
    std::array<std::uint8_t, 16> ident{0x7f, 'E', 'L', 'F', 2, 1, 1};
    std::uint16_t type = 4;     // ET_CORE
    std::uint16_t machine = 62; // EM_X86_64
    std::uint32_t version = 1;
    std::uint64_t entry = 0, phoff = 0, shoff = sizeof(elf_header);
    std::uint32_t flags = 0;
    std::uint16_t ehsize = sizeof(elf_header);
    std::uint16_t phentsize = 0, phnum = 0, shentsize = 64, shnum = 0, shstrndx = 1;
};

struct section_header {
    std::uint32_t name = 0, type = 0;
    std::uint64_t flags = 0, addr = 0, offset = 0, size = 0;
    std::uint32_t link = 0, info = 0;
    std::uint64_t addralign = 1, entsize = 0;
};

static_assert(sizeof(elf_header) == 64 && sizeof(section_header) == 64);

constexpr std::uint32_t sht_progbits = 1;
constexpr std::uint32_t sht_strtab = 3;
constexpr std::uint32_t sht_note = 7;

template <class T>
void append(bytes& to, T const& what) {
    auto const* const p = reinterpret_cast<std::byte const*>(&what);
    to.insert(to.end(), p, p + sizeof what);
}

void append_text(bytes& to, std::string_view text, std::size_t size) {
    auto const n = std::min(text.size(), size - 1);
    auto const* const p = reinterpret_cast<std::byte const*>(text.data());
    to.insert(to.end(), p, p + n);
    to.resize(to.size() + size - n);
}

/// A note named "Xen"; Xen's tools align nothing beyond four bytes.
void append_note(bytes& to, std::uint32_t type, bytes const& body) {
    append(to, std::uint32_t{4});
    append(to, static_cast<std::uint32_t>(body.size()));
    append(to, type);
    append_text(to, "Xen", 4);
    to.insert(to.end(), body.begin(), body.end());
}

/// The four notes: none, what is in the file, which Xen, which form of file.
result<bytes>
make_notes(ctl::connection& c, bool is_hvm, std::uint64_t vcpus, std::uint64_t pages) {
    constexpr std::uint64_t magic_pv = 0xf00febed;
    constexpr std::uint64_t magic_hvm = 0xf00febee;
    constexpr std::uint64_t format = 1;
    auto const v = XENPP_TRY(ctl::get_version(c));
    bytes out;
    append_note(out, abi::elfnote_dumpcore_none, {});
    bytes header;
    for (auto const n : {is_hvm ? magic_hvm : magic_pv, vcpus, pages, page_size}) {
        append(header, n);
    }
    append_note(out, abi::elfnote_dumpcore_header, header);
    bytes version;
    append(version, std::uint64_t{v.major});
    append(version, std::uint64_t{v.minor});
    append_text(version, v.extra, 16);
    append_text(version, v.compiler, 64);
    append_text(version, v.compiled_by, 16);
    append_text(version, v.compile_domain, 32);
    append_text(version, v.compile_date, 32);
    append_text(version, v.capabilities, 1024);
    append_text(version, v.changeset, 64);
    append(version, v.virt_start);
    append(version, std::uint64_t{v.page_size});
    append_note(out, abi::elfnote_dumpcore_xen_version, version);
    bytes kind;
    append(kind, format);
    append_note(out, abi::elfnote_dumpcore_format_version, kind);
    return out;
}

abi::vcpu_guest_context to_context(abi::hvm_hw_cpu const& h) {
    abi::vcpu_guest_context c{};
    c.flags = abi::vgcf_online | abi::vgcf_in_kernel;
    std::memcpy(&c.fpu_ctxt, h.fpu_regs, sizeof c.fpu_ctxt);
    auto& r = c.user_regs;
    r.rax = h.rax, r.rbx = h.rbx, r.rcx = h.rcx, r.rdx = h.rdx;
    r.rbp = h.rbp, r.rsi = h.rsi, r.rdi = h.rdi, r.rsp = h.rsp;
    r.r8 = h.r8, r.r9 = h.r9, r.r10 = h.r10, r.r11 = h.r11;
    r.r12 = h.r12, r.r13 = h.r13, r.r14 = h.r14, r.r15 = h.r15;
    r.rip = h.rip, r.rflags = h.rflags;
    auto const selector = [](std::uint32_t s) { return static_cast<std::uint16_t>(s); };
    r.cs = selector(h.cs_sel), r.ss = selector(h.ss_sel), r.ds = selector(h.ds_sel);
    r.es = selector(h.es_sel), r.fs = selector(h.fs_sel), r.gs = selector(h.gs_sel);
    c.ctrlreg[0] = h.cr0, c.ctrlreg[2] = h.cr2, c.ctrlreg[3] = h.cr3, c.ctrlreg[4] = h.cr4;
    c.debugreg[0] = h.dr0, c.debugreg[1] = h.dr1, c.debugreg[2] = h.dr2, c.debugreg[3] = h.dr3;
    c.debugreg[6] = h.dr6, c.debugreg[7] = h.dr7;
    c.fs_base = h.fs_base;
    c.gs_base_kernel = h.gs_base;
    c.gs_base_user = h.shadow_gs;
    return c;
}

/// Registers of each vCPU in the form of PV ones, which is that of the file.
result<std::vector<abi::vcpu_guest_context>>
read_registers(ctl::connection& c, domid d, bool is_hvm, std::uint32_t vcpus) {
    std::vector<abi::vcpu_guest_context> out(vcpus);
    if (!is_hvm) {
        for (std::uint32_t v = 0; v != vcpus; ++v) {
            out[v] = XENPP_TRY(ctl::get_vcpu_context(c, d, vcpu_id(v)));
        }
        return out;
    }
    auto const records = XENPP_TRY(ctl::get_hvm_context(c, d));
    abi::hvm_save_descriptor head{};
    for (std::size_t at = 0; at + sizeof head <= records.size(); at += sizeof head + head.length) {
        std::memcpy(&head, records.data() + at, sizeof head);
        auto const body = at + sizeof head;
        if (head.typecode == abi::hvm_save_code_cpu && head.instance < vcpus &&
            head.length >= sizeof(abi::hvm_hw_cpu) && body + head.length <= records.size()) {
            abi::hvm_hw_cpu cpu{};
            std::memcpy(&cpu, records.data() + body, sizeof cpu);
            out[head.instance] = to_context(cpu);
        }
    }
    return out;
}

/// The file, which vanishes unless it is kept.
class core_file {
public:
    static result<core_file> create(std::string const& path) {
        return core_file(path, XENPP_TRY(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)));
    }

    core_file(core_file&& o) noexcept : path_(std::exchange(o.path_, {})), fd_(std::move(o.fd_)) {}

    core_file& operator=(core_file&&) = delete;
    core_file(core_file const&) = delete;
    core_file& operator=(core_file const&) = delete;

    ~core_file() {
        if (!path_.empty()) {
            unlink(path_.c_str());
        }
    }

    result<void> write(std::uint64_t offset, std::span<std::byte const> what) const {
        return os::write_at(fd_.get(), offset, what);
    }

    void keep() noexcept { path_.clear(); }

private:
    core_file(std::string path, os::unique_fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    os::unique_fd fd_;
};

struct section {
    char const* name;
    std::uint32_t type;
    std::uint64_t entry;
    bytes body;
    std::uint64_t size; ///< more than the body's where pages follow
};

std::uint64_t round_up(std::uint64_t n) {
    return (n + page_size - 1) & ~(page_size - 1);
}

/// Headers, names and bodies; where the last section begins, which is the pages.
result<std::uint64_t> write_sections(core_file const& f, std::vector<section> sections) {
    std::string names(1, '\0');
    std::vector<std::uint32_t> name_at;
    for (auto const& s : sections) {
        name_at.push_back(static_cast<std::uint32_t>(names.size()));
        names += s.name;
        names += '\0';
    }
    auto const* const text = reinterpret_cast<std::byte const*>(names.data());
    sections.front().body.assign(text, text + names.size());
    sections.front().size = names.size();
    elf_header head;
    head.shnum = static_cast<std::uint16_t>(sections.size() + 1);
    bytes top;
    append(top, head);
    append(top, section_header{.addralign = 0});
    std::uint64_t at = sizeof(elf_header) + head.shnum * sizeof(section_header);
    std::uint64_t last = 0;
    for (std::size_t i = 0; i != sections.size(); ++i) {
        auto const& s = sections[i];
        bool const is_pages = i + 1 == sections.size();
        last = at = is_pages ? round_up(at) : (at + 7) & ~std::uint64_t{7};
        append(top, section_header{.name = name_at[i],
                                   .type = s.type,
                                   .offset = at,
                                   .size = s.size,
                                   .addralign = is_pages ? page_size : 8,
                                   .entsize = s.entry});
        XENPP_TRY(f.write(at, s.body));
        at += s.size;
    }
    XENPP_TRY(f.write(0, top));
    return last;
}

template <class T>
bytes to_bytes(std::vector<T> const& v) {
    auto const* const p = reinterpret_cast<std::byte const*>(v.data());
    return {p, p + v.size() * sizeof(T)};
}

result<void>
write_core(detail::session& s, core_file const& f, abi::domctl_getdomaininfo const& info) {
    auto& c = s.hypervisor();
    domid const d(info.domain);
    bool const is_hvm = (info.flags & abi::dominf_hvm_guest) != 0;
    std::uint32_t const vcpus =
        info.max_vcpu_id == abi::invalid_max_vcpu_id ? 0 : info.max_vcpu_id + 1;
    auto const pages = XENPP_TRY(detail::find_core_pages(s, info));
    auto const registers = XENPP_TRY(read_registers(c, d, is_hvm, vcpus));
    auto const notes = XENPP_TRY(make_notes(c, is_hvm, vcpus, pages.size()));
    std::vector<std::uint64_t> table; // frames, with machine frames beside them for PV
    for (auto const& p : pages) {
        table.push_back(p.pfn);
        if (!is_hvm) {
            table.push_back(p.frame.raw());
        }
    }
    auto const make = [](char const* name, std::uint32_t type, std::uint64_t entry, bytes body) {
        auto const size = body.size();
        return section{name, type, entry, std::move(body), size};
    };
    std::vector<section> sections;
    sections.push_back(make(".shstrtab", sht_strtab, 0, {}));
    sections.push_back(make(".note.Xen", sht_note, 0, notes));
    sections.push_back(
        make(".xen_prstatus", sht_progbits, sizeof registers[0], to_bytes(registers)));
    sections.push_back(
        make(is_hvm ? ".xen_pfn" : ".xen_p2m", sht_progbits, is_hvm ? 8 : 16, to_bytes(table)));
    sections.push_back({".xen_pages", sht_progbits, page_size, {}, pages.size() * page_size});
    auto const begin = XENPP_TRY(write_sections(f, std::move(sections)));
    return detail::read_core_pages(s, d, pages,
                                   [&](std::size_t first, std::span<std::byte const> memory) {
                                       return f.write(begin + first * page_size, memory);
                                   });
}

} // namespace

namespace detail {

result<void>
write_core(session& s, abi::domctl_getdomaininfo const& info, std::string const& path) {
    auto file = XENPP_TRY(core_file::create(path));
    XENPP_TRY(xenpp::write_core(s, file, info));
    file.keep();
    return {};
}

std::string dumps_folder(session const& s) {
    return s.kind() == host_kind::native ? "/var/lib/xen/dump" : s.file("dumps");
}

} // namespace detail

result<void> domain::dump_core(std::string const& path, bool pauses) const {
    XENPP_TRY(ref_->check(operation));
    if (id() == dom0) {
        return fail(operation, EINVAL, "domain 0 would have to be paused, and cannot be");
    }
    if (pauses) {
        XENPP_TRY(pause());
    }
    auto const info = ref_->check(operation);
    auto const done = info ? detail::write_core(*ref_->s, *info, path) : unexpected(info.error());
    if (pauses) {
        static_cast<void>(unpause().has_value()); // gone: then it needs no unpausing
    }
    return done;
}

} // namespace xenpp
