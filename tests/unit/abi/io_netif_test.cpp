// SPDX-License-Identifier: Apache-2.0
// io/netif.hpp against the installed xen/io/netif.h.
#include "same.hpp"

#include <xenpp/abi/io/netif.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/xen.h>
#include <xen/io/netif.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off
constexpr layout layouts[] = {
    XENPP_SAME_STRUCT(xen_netif_ctrl_request, netif_ctrl_request),
    XENPP_SAME_MEMBER(xen_netif_ctrl_request, netif_ctrl_request, id),
    XENPP_SAME_MEMBER(xen_netif_ctrl_request, netif_ctrl_request, type),
    XENPP_SAME_MEMBER(xen_netif_ctrl_request, netif_ctrl_request, data),
    XENPP_SAME_STRUCT(xen_netif_ctrl_response, netif_ctrl_response),
    XENPP_SAME_MEMBER(xen_netif_ctrl_response, netif_ctrl_response, id),
    XENPP_SAME_MEMBER(xen_netif_ctrl_response, netif_ctrl_response, type),
    XENPP_SAME_MEMBER(xen_netif_ctrl_response, netif_ctrl_response, status),
    XENPP_SAME_MEMBER(xen_netif_ctrl_response, netif_ctrl_response, data),
    XENPP_SAME_STRUCT(xen_netif_gref, netif_gref),
    XENPP_SAME_MEMBER(xen_netif_gref, netif_gref, ref),
    XENPP_SAME_MEMBER(xen_netif_gref, netif_gref, flags),
    XENPP_SAME_MEMBER(xen_netif_gref, netif_gref, status),
    XENPP_SAME_STRUCT(netif_tx_request, netif_tx_request),
    XENPP_SAME_MEMBER(netif_tx_request, netif_tx_request, gref),
    XENPP_SAME_MEMBER(netif_tx_request, netif_tx_request, offset),
    XENPP_SAME_MEMBER(netif_tx_request, netif_tx_request, flags),
    XENPP_SAME_MEMBER(netif_tx_request, netif_tx_request, id),
    XENPP_SAME_MEMBER(netif_tx_request, netif_tx_request, size),
    XENPP_SAME_STRUCT(netif_extra_info, netif_extra_info),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, type),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, flags),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.pad),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.gso.size),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.gso.type),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.gso.pad),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.gso.features),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.gso),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.mcast.addr),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.mcast),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.hash.type),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.hash.algorithm),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.hash.value),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u.hash),
    XENPP_SAME_MEMBER(netif_extra_info, netif_extra_info, u),
    XENPP_SAME_STRUCT(netif_tx_response, netif_tx_response),
    XENPP_SAME_MEMBER(netif_tx_response, netif_tx_response, id),
    XENPP_SAME_MEMBER(netif_tx_response, netif_tx_response, status),
    XENPP_SAME_STRUCT(netif_rx_request, netif_rx_request),
    XENPP_SAME_MEMBER(netif_rx_request, netif_rx_request, id),
    XENPP_SAME_MEMBER(netif_rx_request, netif_rx_request, pad),
    XENPP_SAME_MEMBER(netif_rx_request, netif_rx_request, gref),
    XENPP_SAME_STRUCT(netif_rx_response, netif_rx_response),
    XENPP_SAME_MEMBER(netif_rx_response, netif_rx_response, id),
    XENPP_SAME_MEMBER(netif_rx_response, netif_rx_response, offset),
    XENPP_SAME_MEMBER(netif_rx_response, netif_rx_response, flags),
    XENPP_SAME_MEMBER(netif_rx_response, netif_rx_response, status),
};

constexpr number numbers[] = {
    XENPP_SAME_NUMBER(XEN_NETIF_NR_SLOTS_MIN, netif_nr_slots_min),
    XENPP_SAME_NUMBER(_XEN_NETIF_CTRL_HASH_TYPE_IPV4, netif_ctrl_hash_type_ipv4_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_TYPE_IPV4, netif_ctrl_hash_type_ipv4),
    XENPP_SAME_NUMBER(_XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP, netif_ctrl_hash_type_ipv4_tcp_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP, netif_ctrl_hash_type_ipv4_tcp),
    XENPP_SAME_NUMBER(_XEN_NETIF_CTRL_HASH_TYPE_IPV6, netif_ctrl_hash_type_ipv6_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_TYPE_IPV6, netif_ctrl_hash_type_ipv6),
    XENPP_SAME_NUMBER(_XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP, netif_ctrl_hash_type_ipv6_tcp_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP, netif_ctrl_hash_type_ipv6_tcp),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_ALGORITHM_NONE, netif_ctrl_hash_algorithm_none),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, netif_ctrl_hash_algorithm_toeplitz),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_INVALID, netif_ctrl_type_invalid),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, netif_ctrl_type_get_hash_flags),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, netif_ctrl_type_set_hash_flags),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, netif_ctrl_type_set_hash_key),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, netif_ctrl_type_get_hash_mapping_size),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, netif_ctrl_type_set_hash_mapping_size),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, netif_ctrl_type_set_hash_mapping),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, netif_ctrl_type_set_hash_algorithm),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, netif_ctrl_type_get_gref_mapping_size),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, netif_ctrl_type_add_gref_mapping),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, netif_ctrl_type_del_gref_mapping),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_STATUS_SUCCESS, netif_ctrl_status_success),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED, netif_ctrl_status_not_supported),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER, netif_ctrl_status_invalid_parameter),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW, netif_ctrl_status_buffer_overflow),
    XENPP_SAME_NUMBER(_XEN_NETIF_CTRLF_GREF_readonly, netif_ctrlf_gref_readonly_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_CTRLF_GREF_readonly, netif_ctrlf_gref_readonly),
    XENPP_SAME_NUMBER(_NETTXF_csum_blank, nettxf_csum_blank_bit),
    XENPP_SAME_NUMBER(NETTXF_csum_blank, nettxf_csum_blank),
    XENPP_SAME_NUMBER(_NETTXF_data_validated, nettxf_data_validated_bit),
    XENPP_SAME_NUMBER(NETTXF_data_validated, nettxf_data_validated),
    XENPP_SAME_NUMBER(_NETTXF_more_data, nettxf_more_data_bit),
    XENPP_SAME_NUMBER(NETTXF_more_data, nettxf_more_data),
    XENPP_SAME_NUMBER(_NETTXF_extra_info, nettxf_extra_info_bit),
    XENPP_SAME_NUMBER(NETTXF_extra_info, nettxf_extra_info),
    XENPP_SAME_NUMBER(XEN_NETIF_MAX_TX_SIZE, netif_max_tx_size),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_NONE, netif_extra_type_none),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_GSO, netif_extra_type_gso),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, netif_extra_type_mcast_add),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, netif_extra_type_mcast_del),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_HASH, netif_extra_type_hash),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_TYPE_MAX, netif_extra_type_max),
    XENPP_SAME_NUMBER(_XEN_NETIF_EXTRA_FLAG_MORE, netif_extra_flag_more_bit),
    XENPP_SAME_NUMBER(XEN_NETIF_EXTRA_FLAG_MORE, netif_extra_flag_more),
    XENPP_SAME_NUMBER(XEN_NETIF_GSO_TYPE_NONE, netif_gso_type_none),
    XENPP_SAME_NUMBER(XEN_NETIF_GSO_TYPE_TCPV4, netif_gso_type_tcpv4),
    XENPP_SAME_NUMBER(XEN_NETIF_GSO_TYPE_TCPV6, netif_gso_type_tcpv6),
    XENPP_SAME_NUMBER(_NETRXF_data_validated, netrxf_data_validated_bit),
    XENPP_SAME_NUMBER(NETRXF_data_validated, netrxf_data_validated),
    XENPP_SAME_NUMBER(_NETRXF_csum_blank, netrxf_csum_blank_bit),
    XENPP_SAME_NUMBER(NETRXF_csum_blank, netrxf_csum_blank),
    XENPP_SAME_NUMBER(_NETRXF_more_data, netrxf_more_data_bit),
    XENPP_SAME_NUMBER(NETRXF_more_data, netrxf_more_data),
    XENPP_SAME_NUMBER(_NETRXF_extra_info, netrxf_extra_info_bit),
    XENPP_SAME_NUMBER(NETRXF_extra_info, netrxf_extra_info),
    XENPP_SAME_NUMBER(_NETRXF_gso_prefix, netrxf_gso_prefix_bit),
    XENPP_SAME_NUMBER(NETRXF_gso_prefix, netrxf_gso_prefix),
    XENPP_SAME_NUMBER(NETIF_RSP_DROPPED, netif_rsp_dropped),
    XENPP_SAME_NUMBER(NETIF_RSP_ERROR, netif_rsp_error),
    XENPP_SAME_NUMBER(NETIF_RSP_OKAY, netif_rsp_okay),
    XENPP_SAME_NUMBER(NETIF_RSP_NULL, netif_rsp_null),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_netif has the layouts of the public header") {
    check(layouts);
}

TEST_CASE("abi.io_netif has the numbers of the public header") {
    check(numbers);
}
