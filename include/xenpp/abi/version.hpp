// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says of itself; public header version.h.
#pragma once

#include <xenpp/abi/xen.hpp>

#include <cstdint>

namespace xenpp::abi {

/// What `version_op::extraversion` writes: the part of the version after major and minor.
using extraversion_t = char[16];

/// What `version_op::capabilities` writes: space-separated guest types, such as "xen-3.0-x86_64".
using capabilities_info_t = char[1024];

/// What `version_op::changeset` writes.
using changeset_info_t = char[64];

/// What `version_op::commandline` writes.
using commandline_t = char[1024];

/// Sub-operations of `hypercall::xen_version`.
// clang-format off
enum class version_op : std::uint32_t {
    version             = 0,
    extraversion        = 1,
    compile_info        = 2,
    capabilities        = 3,
    changeset           = 4,
    platform_parameters = 5,
    get_features        = 6,
    pagesize            = 7,
    guest_handle        = 8,
    commandline         = 9,
    build_id            = 10,
};
// clang-format on

/// Bytes of `extraversion_t`.
inline constexpr std::uint32_t extraversion_len = 16;

/// Who compiled the hypervisor, where, when and with what.
struct compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};

static_assert(sizeof(compile_info) == 144);

/// Bytes of `capabilities_info_t`.
inline constexpr std::uint32_t capabilities_info_len = 1024;

/// Bytes of `changeset_info_t`.
inline constexpr std::uint32_t changeset_info_len = 64;

/// Where the hypervisor's part of the address space begins.
struct platform_parameters {
    std::uint64_t virt_start;
};

static_assert(sizeof(platform_parameters) == 8);

/// Asks for 32 features, of which `submap_idx` says which 32.
struct feature_info {
    std::uint32_t submap_idx;
    std::uint32_t submap;
};

static_assert(sizeof(feature_info) == 8);

/// The linker's build id: `len` bytes.
struct build_id {
    std::uint32_t len;
    // buf[]: as many as fit follow.
};

static_assert(sizeof(build_id) == 4);

} // namespace xenpp::abi
