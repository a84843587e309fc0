// SPDX-License-Identifier: Apache-2.0
// Requests and responses of a paravirtual network interface; public header io/netif.h.
#pragma once

#include <xenpp/abi/grant_table.hpp>

#include <cstdint>

namespace xenpp::abi {

/// Slots of one packet that every backend takes.
inline constexpr std::uint32_t netif_nr_slots_min = 18;

/// What a hash covers.
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv4_bit = 0;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv4 = 1;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv4_tcp_bit = 1;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv4_tcp = 2;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv6_bit = 2;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv6 = 4;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv6_tcp_bit = 3;
inline constexpr std::uint32_t netif_ctrl_hash_type_ipv6_tcp = 8;

/// How it is computed.
inline constexpr std::uint32_t netif_ctrl_hash_algorithm_none = 0;
inline constexpr std::uint32_t netif_ctrl_hash_algorithm_toeplitz = 1;

/// A request on the control ring.
struct netif_ctrl_request {
    std::uint16_t id;
    std::uint16_t type;
    std::uint32_t data[3];
};

static_assert(sizeof(netif_ctrl_request) == 16);

/// `netif_ctrl_request::type`.
inline constexpr std::uint32_t netif_ctrl_type_invalid = 0;
inline constexpr std::uint32_t netif_ctrl_type_get_hash_flags = 1;
inline constexpr std::uint32_t netif_ctrl_type_set_hash_flags = 2;
inline constexpr std::uint32_t netif_ctrl_type_set_hash_key = 3;
inline constexpr std::uint32_t netif_ctrl_type_get_hash_mapping_size = 4;
inline constexpr std::uint32_t netif_ctrl_type_set_hash_mapping_size = 5;
inline constexpr std::uint32_t netif_ctrl_type_set_hash_mapping = 6;
inline constexpr std::uint32_t netif_ctrl_type_set_hash_algorithm = 7;
inline constexpr std::uint32_t netif_ctrl_type_get_gref_mapping_size = 8;
inline constexpr std::uint32_t netif_ctrl_type_add_gref_mapping = 9;
inline constexpr std::uint32_t netif_ctrl_type_del_gref_mapping = 10;

/// Its answer.
struct netif_ctrl_response {
    std::uint16_t id;
    std::uint16_t type;
    std::uint32_t status;
    std::uint32_t data;
};

static_assert(sizeof(netif_ctrl_response) == 12);

/// `netif_ctrl_response::status`.
inline constexpr std::uint32_t netif_ctrl_status_success = 0;
inline constexpr std::uint32_t netif_ctrl_status_not_supported = 1;
inline constexpr std::uint32_t netif_ctrl_status_invalid_parameter = 2;
inline constexpr std::uint32_t netif_ctrl_status_buffer_overflow = 3;

/// A grant that the backend shall keep mapped.
struct netif_gref {
    grant_ref_t ref;
    std::uint16_t flags;
    std::uint16_t status;
};

static_assert(sizeof(netif_gref) == 8);

/// `netif_gref::flags`.
inline constexpr std::uint32_t netif_ctrlf_gref_readonly_bit = 0;
inline constexpr std::uint32_t netif_ctrlf_gref_readonly = 1u << netif_ctrlf_gref_readonly_bit;

/// `netif_tx_request::flags`.
inline constexpr std::uint32_t nettxf_csum_blank_bit = 0;
inline constexpr std::uint32_t nettxf_csum_blank = 1u << nettxf_csum_blank_bit;
inline constexpr std::uint32_t nettxf_data_validated_bit = 1;
inline constexpr std::uint32_t nettxf_data_validated = 1u << nettxf_data_validated_bit;
inline constexpr std::uint32_t nettxf_more_data_bit = 2;
inline constexpr std::uint32_t nettxf_more_data = 1u << nettxf_more_data_bit;
inline constexpr std::uint32_t nettxf_extra_info_bit = 3;
inline constexpr std::uint32_t nettxf_extra_info = 1u << nettxf_extra_info_bit;

/// Most bytes of one packet.
inline constexpr std::uint32_t netif_max_tx_size = 0xffff;

/// A fragment to send. In the first one of a packet `size` is that of the whole packet.
struct netif_tx_request {
    grant_ref_t gref;
    std::uint16_t offset;
    std::uint16_t flags;
    std::uint16_t id;
    std::uint16_t size;
};

static_assert(sizeof(netif_tx_request) == 12);

/// `netif_extra_info::type`.
inline constexpr std::uint32_t netif_extra_type_none = 0;
inline constexpr std::uint32_t netif_extra_type_gso = 1;
inline constexpr std::uint32_t netif_extra_type_mcast_add = 2;
inline constexpr std::uint32_t netif_extra_type_mcast_del = 3;
inline constexpr std::uint32_t netif_extra_type_hash = 4;
inline constexpr std::uint32_t netif_extra_type_max = 5;

/// `netif_extra_info::flags`.
inline constexpr std::uint32_t netif_extra_flag_more_bit = 0;
inline constexpr std::uint32_t netif_extra_flag_more = 1u << netif_extra_flag_more_bit;

/// `netif_extra_info::u.gso.type`.
inline constexpr std::uint32_t netif_gso_type_none = 0;
inline constexpr std::uint32_t netif_gso_type_tcpv4 = 1;
inline constexpr std::uint32_t netif_gso_type_tcpv6 = 2;

/// A slot after the first one of a packet that says more about it.
struct netif_extra_info {
    std::uint8_t type;
    std::uint8_t flags;

    union {
        std::uint16_t pad[3];

        struct {
            std::uint16_t size;
            std::uint8_t type;
            std::uint8_t pad;
            std::uint16_t features;
        } gso;

        struct {
            std::uint8_t addr[6];
        } mcast;

        struct {
            std::uint8_t type;
            std::uint8_t algorithm;
            std::uint8_t value[4];
        } hash;
    } u;
};

static_assert(sizeof(netif_extra_info) == 8);

/// The answer to a fragment.
struct netif_tx_response {
    std::uint16_t id;
    std::int16_t status;
};

static_assert(sizeof(netif_tx_response) == 4);

/// A page for received data.
struct netif_rx_request {
    std::uint16_t id;
    std::uint16_t pad;
    grant_ref_t gref;
};

static_assert(sizeof(netif_rx_request) == 8);

/// `netif_rx_response::flags`.
inline constexpr std::uint32_t netrxf_data_validated_bit = 0;
inline constexpr std::uint32_t netrxf_data_validated = 1u << netrxf_data_validated_bit;
inline constexpr std::uint32_t netrxf_csum_blank_bit = 1;
inline constexpr std::uint32_t netrxf_csum_blank = 1u << netrxf_csum_blank_bit;
inline constexpr std::uint32_t netrxf_more_data_bit = 2;
inline constexpr std::uint32_t netrxf_more_data = 1u << netrxf_more_data_bit;
inline constexpr std::uint32_t netrxf_extra_info_bit = 3;
inline constexpr std::uint32_t netrxf_extra_info = 1u << netrxf_extra_info_bit;
inline constexpr std::uint32_t netrxf_gso_prefix_bit = 4;
inline constexpr std::uint32_t netrxf_gso_prefix = 1u << netrxf_gso_prefix_bit;

/// A received fragment: a negative `status` is an error, otherwise bytes.
struct netif_rx_response {
    std::uint16_t id;
    std::uint16_t offset;
    std::uint16_t flags;
    std::int16_t status;
};

static_assert(sizeof(netif_rx_response) == 8);

/// `status` of a response; `netif_rsp_null` answers a slot of `netif_extra_info`.
inline constexpr std::int16_t netif_rsp_dropped = -2;
inline constexpr std::int16_t netif_rsp_error = -1;
inline constexpr std::int16_t netif_rsp_okay = 0;
inline constexpr std::int16_t netif_rsp_null = 1;

} // namespace xenpp::abi
