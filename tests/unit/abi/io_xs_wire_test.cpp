// SPDX-License-Identifier: Apache-2.0
// io/xs_wire.hpp against the installed xen/io/xs_wire.h.
#include "same.hpp"

#include <xenpp/abi/io/xs_wire.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/io/xs_wire.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xsd_sockmsg, xsd_sockmsg),
    XENPP_SAME_MEMBER(xsd_sockmsg, xsd_sockmsg, type),
    XENPP_SAME_MEMBER(xsd_sockmsg, xsd_sockmsg, req_id),
    XENPP_SAME_MEMBER(xsd_sockmsg, xsd_sockmsg, tx_id),
    XENPP_SAME_MEMBER(xsd_sockmsg, xsd_sockmsg, len),
    XENPP_SAME_STRUCT(xenstore_domain_interface, xenstore_domain_interface),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, req),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, rsp),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, req_cons),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, req_prod),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, rsp_cons),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, rsp_prod),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, server_features),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, connection),
    XENPP_SAME_MEMBER(xenstore_domain_interface, xenstore_domain_interface, error),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XS_CONTROL, xsd_sockmsg_type::control),
    XENPP_SAME_NUMBER(XS_DIRECTORY, xsd_sockmsg_type::directory),
    XENPP_SAME_NUMBER(XS_READ, xsd_sockmsg_type::read),
    XENPP_SAME_NUMBER(XS_GET_PERMS, xsd_sockmsg_type::get_perms),
    XENPP_SAME_NUMBER(XS_WATCH, xsd_sockmsg_type::watch),
    XENPP_SAME_NUMBER(XS_UNWATCH, xsd_sockmsg_type::unwatch),
    XENPP_SAME_NUMBER(XS_TRANSACTION_START, xsd_sockmsg_type::transaction_start),
    XENPP_SAME_NUMBER(XS_TRANSACTION_END, xsd_sockmsg_type::transaction_end),
    XENPP_SAME_NUMBER(XS_INTRODUCE, xsd_sockmsg_type::introduce),
    XENPP_SAME_NUMBER(XS_RELEASE, xsd_sockmsg_type::release),
    XENPP_SAME_NUMBER(XS_GET_DOMAIN_PATH, xsd_sockmsg_type::get_domain_path),
    XENPP_SAME_NUMBER(XS_WRITE, xsd_sockmsg_type::write),
    XENPP_SAME_NUMBER(XS_MKDIR, xsd_sockmsg_type::mkdir),
    XENPP_SAME_NUMBER(XS_RM, xsd_sockmsg_type::rm),
    XENPP_SAME_NUMBER(XS_SET_PERMS, xsd_sockmsg_type::set_perms),
    XENPP_SAME_NUMBER(XS_WATCH_EVENT, xsd_sockmsg_type::watch_event),
    XENPP_SAME_NUMBER(XS_ERROR, xsd_sockmsg_type::error),
    XENPP_SAME_NUMBER(XS_IS_DOMAIN_INTRODUCED, xsd_sockmsg_type::is_domain_introduced),
    XENPP_SAME_NUMBER(XS_RESUME, xsd_sockmsg_type::resume),
    XENPP_SAME_NUMBER(XS_SET_TARGET, xsd_sockmsg_type::set_target),
    XENPP_SAME_NUMBER(XS_RESET_WATCHES, xsd_sockmsg_type::reset_watches),
    XENPP_SAME_NUMBER(XS_DIRECTORY_PART, xsd_sockmsg_type::directory_part),
    XENPP_SAME_NUMBER(XS_TYPE_COUNT, xsd_sockmsg_type::type_count),
    XENPP_SAME_NUMBER(XS_INVALID, xsd_sockmsg_type::invalid),
    XENPP_SAME_NUMBER(XS_WATCH_PATH, xs_watch_path),
    XENPP_SAME_NUMBER(XS_WATCH_TOKEN, xs_watch_token),
    XENPP_SAME_NUMBER(XENSTORE_RING_SIZE, xenstore_ring_size),
    XENPP_SAME_NUMBER(XENSTORE_PAYLOAD_MAX, xenstore_payload_max),
    XENPP_SAME_NUMBER(XENSTORE_ABS_PATH_MAX, xenstore_abs_path_max),
    XENPP_SAME_NUMBER(XENSTORE_REL_PATH_MAX, xenstore_rel_path_max),
    XENPP_SAME_NUMBER(XENSTORE_SERVER_FEATURE_RECONNECTION, xenstore_server_feature_reconnection),
    XENPP_SAME_NUMBER(XENSTORE_SERVER_FEATURE_ERROR, xenstore_server_feature_error),
    XENPP_SAME_NUMBER(XENSTORE_CONNECTED, xenstore_connected),
    XENPP_SAME_NUMBER(XENSTORE_RECONNECT, xenstore_reconnect),
    XENPP_SAME_NUMBER(XENSTORE_ERROR_NONE, xenstore_error_none),
    XENPP_SAME_NUMBER(XENSTORE_ERROR_COMM, xenstore_error_comm),
    XENPP_SAME_NUMBER(XENSTORE_ERROR_RINGIDX, xenstore_error_ringidx),
    XENPP_SAME_NUMBER(XENSTORE_ERROR_PROTO, xenstore_error_proto),
};

constexpr text texts[] = {
    XENPP_SAME_TEXT(XS_WRITE_NONE, xs_write_none),
    XENPP_SAME_TEXT(XS_WRITE_CREATE, xs_write_create),
    XENPP_SAME_TEXT(XS_WRITE_CREATE_EXCL, xs_write_create_excl),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_xs_wire has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.io_xs_wire has the numbers of the public header") {
    check(numbers);
}

TEST_CASE("abi.io_xs_wire has the texts of the public header") {
    check(texts);
}
