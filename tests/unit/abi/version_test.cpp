// SPDX-License-Identifier: Apache-2.0
// version.hpp against the installed xen/version.h.
#include "same.hpp"

#include <xenpp/abi/version.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/version.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xen_compile_info, compile_info),
    XENPP_SAME_MEMBER(xen_compile_info, compile_info, compiler),
    XENPP_SAME_MEMBER(xen_compile_info, compile_info, compile_by),
    XENPP_SAME_MEMBER(xen_compile_info, compile_info, compile_domain),
    XENPP_SAME_MEMBER(xen_compile_info, compile_info, compile_date),
    XENPP_SAME_STRUCT(xen_platform_parameters, platform_parameters),
    XENPP_SAME_MEMBER(xen_platform_parameters, platform_parameters, virt_start),
    XENPP_SAME_STRUCT(xen_feature_info, feature_info),
    XENPP_SAME_MEMBER(xen_feature_info, feature_info, submap_idx),
    XENPP_SAME_MEMBER(xen_feature_info, feature_info, submap),
    XENPP_SAME_STRUCT(xen_build_id, build_id),
    XENPP_SAME_MEMBER(xen_build_id, build_id, len),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XENVER_version, version_op::version),
    XENPP_SAME_NUMBER(XENVER_extraversion, version_op::extraversion),
    XENPP_SAME_NUMBER(XENVER_compile_info, version_op::compile_info),
    XENPP_SAME_NUMBER(XENVER_capabilities, version_op::capabilities),
    XENPP_SAME_NUMBER(XENVER_changeset, version_op::changeset),
    XENPP_SAME_NUMBER(XENVER_platform_parameters, version_op::platform_parameters),
    XENPP_SAME_NUMBER(XENVER_get_features, version_op::get_features),
    XENPP_SAME_NUMBER(XENVER_pagesize, version_op::pagesize),
    XENPP_SAME_NUMBER(XENVER_guest_handle, version_op::guest_handle),
    XENPP_SAME_NUMBER(XENVER_commandline, version_op::commandline),
    XENPP_SAME_NUMBER(XENVER_build_id, version_op::build_id),
    XENPP_SAME_NUMBER(XEN_EXTRAVERSION_LEN, extraversion_len),
    XENPP_SAME_NUMBER(XEN_CAPABILITIES_INFO_LEN, capabilities_info_len),
    XENPP_SAME_NUMBER(XEN_CHANGESET_INFO_LEN, changeset_info_len),
};
// clang-format on

} // namespace

TEST_CASE("abi.version has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.version has the numbers of the public header") {
    check(numbers);
}
