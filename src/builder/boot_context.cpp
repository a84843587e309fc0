// SPDX-License-Identifier: Apache-2.0
// The save records with which a PVH domain's vCPUs start.
#include "builder/boot_context.hpp"

#include <xenpp/abi/hvm/save.hpp>

#include <cstring>

namespace xenpp::builder {
namespace {

void append(std::vector<std::byte>& out, void const* data, std::size_t size) {
    auto const at = out.size();
    out.resize(at + size);
    std::memcpy(out.data() + at, data, size);
}

template <class Record>
void append_record(std::vector<std::byte>& out,
                   std::uint16_t type,
                   std::uint32_t instance,
                   Record const& record) {
    abi::hvm_save_descriptor const d{type, static_cast<std::uint16_t>(instance), sizeof record};
    append(out, &d, sizeof d);
    append(out, &record, sizeof record);
}

abi::hvm_hw_cpu registers_of(pvh_boot_state const& b) noexcept {
    abi::hvm_hw_cpu r{};
    r.rip = b.rip;
    r.rbx = b.rbx;
    r.rflags = b.rflags;
    r.cr0 = b.cr0;
    r.dr6 = b.dr6;
    r.dr7 = b.dr7;

    r.cs_sel = b.cs.selector;
    r.cs_base = b.cs.base;
    r.cs_limit = b.cs.limit;
    r.cs_arbytes = b.cs.attributes;
    r.ds_sel = r.es_sel = r.ss_sel = b.data.selector;
    r.ds_base = r.es_base = r.ss_base = b.data.base;
    r.ds_limit = r.es_limit = r.ss_limit = b.data.limit;
    r.ds_arbytes = r.es_arbytes = r.ss_arbytes = b.data.attributes;
    r.fs_sel = r.gs_sel = b.fs_gs.selector;
    r.fs_base = r.gs_base = b.fs_gs.base;
    r.fs_limit = r.gs_limit = b.fs_gs.limit;
    r.fs_arbytes = r.gs_arbytes = b.fs_gs.attributes;
    r.tr_sel = b.tr.selector;
    r.tr_base = b.tr.base;
    r.tr_limit = b.tr.limit;
    r.tr_arbytes = b.tr.attributes;
    return r;
}

} // namespace

std::vector<std::byte>
make_boot_context(pvh_boot_state const& boot, mtrr_boot_state const& mtrr, std::uint32_t vcpus) {
    std::vector<std::byte> out;
    // The fields that are 0 say "do not compare": no processor, no TSC rate.
    append_record(out, abi::hvm_save_code_header, 0,
                  abi::hvm_save_header{abi::hvm_file_magic, abi::hvm_file_version, 0, 0, 0});
    abi::hvm_hw_mtrr types{};
    types.msr_pat_cr = mtrr.pat;
    types.msr_mtrr_cap = mtrr.cap;
    types.msr_mtrr_def_type = mtrr.def_type;
    for (std::uint32_t v = 0; v != vcpus; ++v) {
        append_record(out, abi::hvm_save_code_mtrr, v, types);
    }
    append_record(out, abi::hvm_save_code_cpu, 0, registers_of(boot));
    abi::hvm_save_descriptor const end{abi::hvm_save_code_end, 0, 0};
    append(out, &end, sizeof end);
    return out;
}

} // namespace xenpp::builder
