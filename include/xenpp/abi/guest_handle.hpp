// SPDX-License-Identifier: Apache-2.0
// A guest address as the interface carries it; XEN_GUEST_HANDLE of the public headers.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// The address of `T` (or of an array of it) in the caller's address space, always eight bytes.
/// It stands for both handle families of C, and nothing here ever follows it.
template <class T>
struct guest_handle {
    std::uint64_t p;
};

static_assert(sizeof(guest_handle<void>) == 8);

/// A frame number in the address space that the operation speaks of (C: xen_pfn_t).
using pfn_t = std::uint64_t;

} // namespace xenpp::abi
