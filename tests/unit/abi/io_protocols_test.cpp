// SPDX-License-Identifier: Apache-2.0
// io/protocols.hpp against the installed xen/io/protocols.h.
#include "same.hpp"

#include <xenpp/abi/io/protocols.hpp>

// clang-format off
#include "xen_begin.hpp"
extern "C" {
#include <xen/io/protocols.h>
}
#include "xen_end.hpp"
// clang-format on

using namespace xenpp::abi_test;

namespace {

// clang-format off

constexpr text texts[] = {
    XENPP_SAME_TEXT(XEN_IO_PROTO_ABI_X86_32, io_proto_abi_x86_32),
    XENPP_SAME_TEXT(XEN_IO_PROTO_ABI_X86_64, io_proto_abi_x86_64),
    XENPP_SAME_TEXT(XEN_IO_PROTO_ABI_ARM, io_proto_abi_arm),
    XENPP_SAME_TEXT(XEN_IO_PROTO_ABI_NATIVE, io_proto_abi_native),
};
// clang-format on

} // namespace

TEST_CASE("abi.io_protocols has the texts of the public header") {
    check(texts);
}
