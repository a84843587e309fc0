// SPDX-License-Identifier: Apache-2.0
// All headers of the interface in one file: no two names collide, and no structure has padding
// that is not a member. What the compiler would say of an offence is an error.
#include <cstdint>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include <xenpp/abi/arch_x86.hpp>
#include <xenpp/abi/arch_x86_cpu_policy.hpp>
#include <xenpp/abi/arch_x86_cpuid.hpp>
#include <xenpp/abi/callback.hpp>
#include <xenpp/abi/domctl.hpp>
#include <xenpp/abi/elfnote.hpp>
#include <xenpp/abi/event_channel.hpp>
#include <xenpp/abi/features.hpp>
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/guest_handle.hpp>
#include <xenpp/abi/hvm/dm_op.hpp>
#include <xenpp/abi/hvm/e820.hpp>
#include <xenpp/abi/hvm/hvm_info_table.hpp>
#include <xenpp/abi/hvm/hvm_op.hpp>
#include <xenpp/abi/hvm/hvm_vcpu.hpp>
#include <xenpp/abi/hvm/ioreq.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/abi/hvm/save.hpp>
#include <xenpp/abi/hvm/start_info.hpp>
#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/abi/io/console.hpp>
#include <xenpp/abi/io/netif.hpp>
#include <xenpp/abi/io/protocols.hpp>
#include <xenpp/abi/io/ring.hpp>
#include <xenpp/abi/io/xenbus.hpp>
#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/abi/memory.hpp>
#include <xenpp/abi/nmi.hpp>
#include <xenpp/abi/physdev.hpp>
#include <xenpp/abi/platform.hpp>
#include <xenpp/abi/sched.hpp>
#include <xenpp/abi/sysctl.hpp>
#include <xenpp/abi/trace.hpp>
#include <xenpp/abi/vcpu.hpp>
#include <xenpp/abi/version.hpp>
#include <xenpp/abi/xen.hpp>
#pragma GCC diagnostic pop

#include <type_traits>

using namespace xenpp;

TEST_CASE("abi structures are plain bytes") {
    STATIC_REQUIRE(std::has_unique_object_representations_v<abi::memory_reservation>);
    STATIC_REQUIRE(std::has_unique_object_representations_v<abi::domctl_createdomain>);
    STATIC_REQUIRE(std::has_unique_object_representations_v<abi::domctl_getdomaininfo>);
    STATIC_REQUIRE(std::has_unique_object_representations_v<abi::sysctl_physinfo>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<abi::domctl>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<abi::sysctl>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<abi::platform_op_t>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<abi::shared_info>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<abi::vcpu_guest_context>);
}
