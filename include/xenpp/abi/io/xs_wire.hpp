// SPDX-License-Identifier: Apache-2.0
// The xenstore wire protocol and its shared ring; public header io/xs_wire.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Message types; a reply has the type of its request, or `error`.
// clang-format off
enum class xsd_sockmsg_type : std::uint32_t {
    control              = 0,
    directory            = 1,
    read                 = 2,
    get_perms            = 3,
    watch                = 4,
    unwatch              = 5,
    transaction_start    = 6,
    transaction_end      = 7,
    introduce            = 8,
    release              = 9,
    get_domain_path      = 10,
    write                = 11,
    mkdir                = 12,
    rm                   = 13,
    set_perms            = 14,
    watch_event          = 15,
    error                = 16,
    is_domain_introduced = 17,
    resume               = 18,
    set_target           = 19,
    reset_watches        = 21,
    directory_part       = 22,
    type_count           = 23,
    invalid              = 65535,
};
// clang-format on

/// Ways of an old form of write.
inline constexpr char xs_write_none[] = "NONE";
inline constexpr char xs_write_create[] = "CREATE";
inline constexpr char xs_write_create_excl[] = "CREATE|EXCL";

/// The header of every message. `req_id` comes back in the reply; `len` bytes of payload follow.
struct xsd_sockmsg {
    std::uint32_t type;
    std::uint32_t req_id;
    std::uint32_t tx_id;
    std::uint32_t len;
};

static_assert(sizeof(xsd_sockmsg) == 16);

/// The strings in the payload of a watch event, in order.
inline constexpr std::uint32_t xs_watch_path = 0;
inline constexpr std::uint32_t xs_watch_token = 1;

/// Bytes of each ring; an index is masked with this less one.
inline constexpr std::uint32_t xenstore_ring_size = 1024;

/// The page between a guest and xenstore: requests from the guest, responses to it.
struct xenstore_domain_interface {
    char req[xenstore_ring_size];
    char rsp[xenstore_ring_size];
    std::uint32_t req_cons;
    std::uint32_t req_prod;
    std::uint32_t rsp_cons;
    std::uint32_t rsp_prod;
    std::uint32_t server_features;
    std::uint32_t connection;
    std::uint32_t error;
};

static_assert(sizeof(xenstore_domain_interface) == 2076);

/// Longest payload.
inline constexpr std::uint32_t xenstore_payload_max = 4096;

/// Longest paths: from the root, and below a domain's own directory.
inline constexpr std::uint32_t xenstore_abs_path_max = 3072;
inline constexpr std::uint32_t xenstore_rel_path_max = 2048;

/// `xenstore_domain_interface::server_features`.
inline constexpr std::uint32_t xenstore_server_feature_reconnection = 1;
inline constexpr std::uint32_t xenstore_server_feature_error = 2;

/// `xenstore_domain_interface::connection`.
inline constexpr std::uint32_t xenstore_connected = 0;
inline constexpr std::uint32_t xenstore_reconnect = 1;

/// `xenstore_domain_interface::error`.
inline constexpr std::uint32_t xenstore_error_none = 0;
inline constexpr std::uint32_t xenstore_error_comm = 1;
inline constexpr std::uint32_t xenstore_error_ringidx = 2;
inline constexpr std::uint32_t xenstore_error_proto = 3;

} // namespace xenpp::abi
