// SPDX-License-Identifier: Apache-2.0
// Bit-fields, which have no address to compare: all ones in a field must be the same bits in both.
#include "same.hpp"

#include <xenpp/abi/hvm/ioreq.hpp>
#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/abi/platform.hpp>

#include <cstring>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/platform.h>
#include <xen/hvm/ioreq.h>
#include <xen/hvm/save.h>
}
#include "xen_end.hpp"

// clang-format on

namespace {

/// Whether a field set to all ones makes the same bytes of both structures.
template <class Theirs, class Ours>
bool same_bits(void (*set_theirs)(Theirs&), void (*set_ours)(Ours&)) {
    static_assert(sizeof(Theirs) == sizeof(Ours));
    Theirs theirs;
    Ours ours;
    std::memset(&theirs, 0, sizeof(theirs));
    std::memset(&ours, 0, sizeof(ours));
    set_theirs(theirs);
    set_ours(ours);
    Theirs const untouched{};
    return std::memcmp(&theirs, &ours, sizeof(ours)) == 0 &&
           std::memcmp(&theirs, &untouched, sizeof(ours)) != 0;
}

/// The largest value that a field of `bits` bits holds.
constexpr std::uint32_t ones(int bits) {
    return (1u << bits) - 1;
}

} // namespace

/// Member `m`, `bits` wide, of the C structure `c` and of `cpp`.
#define XENPP_CHECK_BITS(c, cpp, m, bits)                                                          \
    CHECK(same_bits<::c, xenpp::abi::cpp>([](::c& s) { s.m = ones(bits); },                        \
                                          [](xenpp::abi::cpp& s) { s.m = ones(bits); }))

TEST_CASE("abi.hvm_hw_vpic has its bits where C has them") {
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, init_state, 4);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, priority_add, 4);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, readsel_isr, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, poll, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, auto_eoi, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, rotate_on_auto_eoi, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, special_fully_nested_mode, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, special_mask_mode, 1);
    XENPP_CHECK_BITS(hvm_hw_vpic, hvm_hw_vpic, is_master, 1);
}

TEST_CASE("abi.vioapic_redir_entry has its bits where C has them") {
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.delivery_mode, 3);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.dest_mode, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.delivery_status, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.polarity, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.remote_irr, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.trig_mode, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.mask, 1);
    XENPP_CHECK_BITS(vioapic_redir_entry, vioapic_redir_entry, fields.reserve, 7);
}

TEST_CASE("abi.hvm_hw_cpu has the bits of its pending event where C has them") {
    XENPP_CHECK_BITS(hvm_hw_cpu, hvm_hw_cpu, pending_vector, 8);
    XENPP_CHECK_BITS(hvm_hw_cpu, hvm_hw_cpu, pending_type, 3);
    XENPP_CHECK_BITS(hvm_hw_cpu, hvm_hw_cpu, pending_error_valid, 1);
    XENPP_CHECK_BITS(hvm_hw_cpu, hvm_hw_cpu, pending_reserved, 19);
    XENPP_CHECK_BITS(hvm_hw_cpu, hvm_hw_cpu, pending_valid, 1);
}

TEST_CASE("abi.ioreq and abi.buf_ioreq have their bits where C has them") {
    XENPP_CHECK_BITS(ioreq, ioreq, state, 4);
    XENPP_CHECK_BITS(ioreq, ioreq, data_is_ptr, 1);
    XENPP_CHECK_BITS(ioreq, ioreq, dir, 1);
    XENPP_CHECK_BITS(ioreq, ioreq, df, 1);
    XENPP_CHECK_BITS(buf_ioreq, buf_ioreq, dir, 1);
    XENPP_CHECK_BITS(buf_ioreq, buf_ioreq, size, 2);
    XENPP_CHECK_BITS(buf_ioreq, buf_ioreq, addr, 20);
}

TEST_CASE("abi.processor_flags has its bits where C has them") {
    XENPP_CHECK_BITS(xen_processor_flags, processor_flags, bm_control, 1);
    XENPP_CHECK_BITS(xen_processor_flags, processor_flags, bm_check, 1);
    XENPP_CHECK_BITS(xen_processor_flags, processor_flags, has_cst, 1);
    XENPP_CHECK_BITS(xen_processor_flags, processor_flags, power_setup_done, 1);
    XENPP_CHECK_BITS(xen_processor_flags, processor_flags, bm_rld_set, 1);
}
