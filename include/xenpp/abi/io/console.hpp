// SPDX-License-Identifier: Apache-2.0
// The ring of the first console; public header io/console.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The page between a guest and its first console: `in` carries keys to the guest, `out` its
/// output. Indices run freely and are masked with the size.
struct xencons_interface {
    char in[1024];
    char out[2048];
    std::uint32_t in_cons;
    std::uint32_t in_prod;
    std::uint32_t out_cons;
    std::uint32_t out_prod;
};

static_assert(sizeof(xencons_interface) == 3088);

} // namespace xenpp::abi
