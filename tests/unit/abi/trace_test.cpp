// SPDX-License-Identifier: Apache-2.0
// trace.hpp against the installed xen/trace.h.
#include "same.hpp"

#include <xenpp/abi/trace.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/trace.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(t_buf, t_buf),
    XENPP_SAME_MEMBER(t_buf, t_buf, cons),
    XENPP_SAME_MEMBER(t_buf, t_buf, prod),
    XENPP_SAME_STRUCT(t_info, t_info),
    XENPP_SAME_MEMBER(t_info, t_info, tbuf_size),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(TRACE_EXTRA_MAX, trace_extra_max),
    XENPP_SAME_NUMBER(TRACE_EXTRA_SHIFT, trace_extra_shift),
    XENPP_SAME_NUMBER(TRC_CLS_SHIFT, trc_cls_shift),
    XENPP_SAME_NUMBER(TRC_GEN, trc_gen),
    XENPP_SAME_NUMBER(TRC_SCHED, trc_sched),
    XENPP_SAME_NUMBER(TRC_DOM0OP, trc_dom0op),
    XENPP_SAME_NUMBER(TRC_HVM, trc_hvm),
    XENPP_SAME_NUMBER(TRC_MEM, trc_mem),
    XENPP_SAME_NUMBER(TRC_PV, trc_pv),
    XENPP_SAME_NUMBER(TRC_SHADOW, trc_shadow),
    XENPP_SAME_NUMBER(TRC_HW, trc_hw),
    XENPP_SAME_NUMBER(TRC_GUEST, trc_guest),
    XENPP_SAME_NUMBER(TRC_ALL, trc_all),
    XENPP_SAME_NUMBER(TRC_HD_CYCLE_FLAG, trc_hd_cycle_flag),
    XENPP_SAME_NUMBER(TRC_SUBCLS_SHIFT, trc_subcls_shift),
    XENPP_SAME_NUMBER(TRC_64_FLAG, trc_64_flag),
};
// clang-format on

} // namespace

TEST_CASE("abi.trace has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.trace has the numbers of the public header") {
    check(numbers);
}
