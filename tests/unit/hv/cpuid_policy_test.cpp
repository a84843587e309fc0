// SPDX-License-Identifier: Apache-2.0
// Tests of CPUID policies: what guests may see, what follows from their state, what is refused.
#include <xenpp/hv/cpuid_query.hpp>
#include <xenpp/hv/cr4_policy.hpp>

#include <fakes/fake_cpuid.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <string>
#include <utility>

using namespace xenpp;
using namespace xenpp::hv;

namespace leaf = x86::cpuid;

namespace {

struct policies {
    cpuid_policy host = host_cpuid_policy(fakes::fake_cpuid);
    cpuid_policy most = hvm_cpuid_policy(host);
    cpuid_policy usual = [this] {
        auto p = most;
        make_default(p, false);
        return p;
    }();
};

x86::cpuid_leaf
ask(cpuid_policy const& p, std::uint32_t n, std::uint32_t sub = 0, cpuid_context const& c = {}) {
    return cpuid_query(p, n, sub, c);
}

} // namespace

TEST_CASE("cpuid_policy keeps leaves sorted and bounded") {
    cpuid_policy p;
    for (std::uint32_t n = 0; n != cpuid_policy::capacity; ++n) {
        REQUIRE(p.set((n * 37) % 80, cpuid_policy::no_subleaf, {n, 0, 0, 0}));
    }
    CHECK(p.size() == cpuid_policy::capacity);
    CHECK(p.set(1000, 0, {}).error() == errc::nobufs);
    CHECK(p.set(37, cpuid_policy::no_subleaf, {7, 7, 7, 7})); // replaces
    CHECK(p.get(37).b == 7);
    CHECK(p.find(37, 0) == nullptr);
    std::uint64_t before = 0;
    for (auto const& e : p) {
        auto const key = std::uint64_t{e.leaf} << 32 | e.subleaf;
        REQUIRE((key > before || e.leaf == 0));
        before = key;
    }
}

TEST_CASE("hvm_cpuid_policy never gives what the host lacks, nor what must not be given") {
    policies const p;
    for (auto const& e : p.most) {
        if (e.leaf == leaf::leaf_features || e.leaf == leaf::leaf_vendor ||
            e.leaf == leaf::leaf_ext_max || e.leaf == leaf::leaf_addresses) {
            continue; // have members that are no feature words
        }
        auto const host = p.host.get(e.leaf, e.subleaf);
        INFO("leaf " << std::hex << e.leaf << "." << e.subleaf);
        CHECK((e.value.b & ~host.b) == 0);
        CHECK((e.value.d & ~host.d) == 0);
    }
    for (auto const absent : {leaf::monitor,      leaf::vmx,        leaf::pdcm,
                              leaf::tsc_deadline, leaf::tsc_adjust, leaf::mpx,
                              leaf::waitpkg,      leaf::cet_ss,     leaf::la57,
                              leaf::pks,          leaf::cet_ibt,    leaf::spec_ctrl,
                              leaf::stibp,        leaf::arch_caps,  leaf::ssbd,
                              leaf::xsaves,       leaf::svm,        leaf::ext_apic_space,
                              leaf::osvw,         leaf::ibs,        leaf::skinit,
                              leaf::wdt,          leaf::lwp,        leaf::topoext,
                              leaf::perfctr_core, leaf::monitorx,   leaf::rdpru,
                              leaf::ibpb}) {
        INFO("leaf " << std::hex << absent.leaf << " bit " << std::dec << unsigned{absent.bit});
        CHECK(p.host.has(absent)); // the fake host has everything
        CHECK_FALSE(p.most.has(absent));
    }
    for (auto const present : {leaf::x2apic, leaf::hypervisor, leaf::xsave, leaf::avx2, leaf::smep,
                               leaf::fsgsbase, leaf::nx, leaf::lm, leaf::syscall, leaf::page_1g}) {
        CHECK(p.most.has(present));
    }
    CHECK(p.most.has(leaf::invariant_tsc));
    CHECK_FALSE(p.usual.has(leaf::invariant_tsc));
}

TEST_CASE("make_default promises no fast byte strings where TCG carries them out") {
    constexpr std::array text{'T', 'C', 'G', 'T', 'C', 'G', 'T', 'C', 'G', 'T', 'C', 'G'};
    constexpr auto words = std::bit_cast<std::array<std::uint32_t, 3>>(text);
    constexpr x86::cpuid_leaf tcg{0x40000001, words[0], words[1], words[2]};
    constexpr x86::cpuid_leaf kvm{0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d};
    STATIC_REQUIRE(is_tcg(tcg));
    STATIC_REQUIRE_FALSE(is_tcg(kvm));
    STATIC_REQUIRE_FALSE(is_tcg({}));
    policies const p;
    auto emulated = p.most;
    make_default(emulated, true);
    for (auto const f : {leaf::erms, leaf::fsrm}) {
        CHECK(p.most.has(f));
        CHECK(p.usual.has(f));
        CHECK_FALSE(emulated.has(f));
    }
    CHECK(emulated.has(leaf::avx2)); // beside them
}

TEST_CASE("hvm_cpuid_policy gives a hypervisor bit and an APIC on any host") {
    auto const bare = [](std::uint32_t n, std::uint32_t) {
        return n == 0 ? x86::cpuid_leaf{1, 0, 0, 0} : x86::cpuid_leaf{};
    };
    auto const p = hvm_cpuid_policy(host_cpuid_policy(bare));
    CHECK(p.has(leaf::hypervisor));
    CHECK(p.has(leaf::x2apic));
    CHECK_FALSE(p.has(leaf::xsave));
    CHECK(xcr0_offered(p) == 0);
    CHECK(ask(p, leaf::leaf_xstate) == x86::cpuid_leaf{});
}

TEST_CASE("cpuid_query: nothing beyond the highest leaves") {
    policies const p;
    CHECK(ask(p.usual, 0).a == leaf::leaf_xstate);
    CHECK(leaf::is_same_vendor(ask(p.usual, 0), leaf::vendor_amd));
    CHECK(ask(p.usual, leaf::leaf_ext_max).a == leaf::leaf_ext_features2);
    for (std::uint32_t const n :
         {0x0eU, 0x14U, 0x15U, 0x80000022U, 0x8000ffffU, 0xc0000000U, 0x20000000U, 0xffffffffU}) {
        INFO(std::hex << n);
        CHECK(ask(p.usual, n) == x86::cpuid_leaf{});
    }
    for (auto const n : {leaf::leaf_monitor, leaf::leaf_pmu, leaf::leaf_svm, leaf::leaf_encryption,
                         leaf::leaf_cache_topology, leaf::leaf_amd_topology}) {
        CHECK(ask(p.usual, n) == x86::cpuid_leaf{});
    }
}

TEST_CASE("cpuid_query: the hypervisor's leaves") {
    policies const p;
    cpuid_context const c{.vcpu = 3, .vcpus = 4, .domain = 17, .tsc_khz = 2'000'000};
    auto const first = ask(p.usual, 0x40000000, 0, c);
    CHECK(first.a == 0x40000005);
    char name[13] = {};
    std::memcpy(name, &first.b, 12);
    CHECK(std::string(name) == "XenVMMXenVMM");
    CHECK(ask(p.usual, 0x40000001, 0, c).a == 0x40011);
    CHECK(ask(p.usual, 0x40000002, 0, c) == x86::cpuid_leaf{1, 0x40000000, 0, 0});
    CHECK(ask(p.usual, 0x40000003, 0, c).c == 2'000'000);
    auto const own = ask(p.usual, 0x40000004, 0, c);
    CHECK(own.a == 0x18); // vCPU id, domain id
    cpuid_context const quiet{.has_upcall_vector = true};
    CHECK(ask(p.usual, 0x40000004, 0, quiet).a == 0x58); // an upcall vector of its own, too
    CHECK(own.b == 3);
    CHECK(own.c == 17);
    for (std::uint32_t n = 0x40000100; n <= 0x4000ff00; n += 0x100) {
        REQUIRE(ask(p.usual, n, 0, c) == x86::cpuid_leaf{});
    }
}

TEST_CASE("cpuid_query: APIC ids agree in all leaves and fit into the package") {
    policies const p;
    for (std::uint32_t const vcpus : {1U, 2U, 3U, 5U, 64U, 128U}) {
        std::set<std::uint32_t> seen;
        for (std::uint32_t n = 0; n != vcpus; ++n) {
            cpuid_context const c{.vcpu = n, .vcpus = vcpus};
            auto const id = apic_id_of(n);
            REQUIRE(seen.insert(id).second);
            REQUIRE(ask(p.usual, 1, 0, c).b >> 24 == (id & 0xff));
            auto const smt = ask(p.usual, leaf::leaf_topology, 0, c);
            auto const core = ask(p.usual, leaf::leaf_topology, 1, c);
            REQUIRE(smt.d == id);
            REQUIRE(core.d == id);
            REQUIRE(smt.b == 1);
            REQUIRE(core.b == vcpus);
            REQUIRE(smt.a <= core.a);
            REQUIRE(id >> core.a == 0);                              // one package
            REQUIRE(ask(p.usual, leaf::leaf_topology, 2, c).c == 2); // no such level
            REQUIRE((ask(p.usual, leaf::leaf_addresses, 0, c).c & 0xff) == vcpus - 1);
        }
        auto const one = ask(p.usual, 1, 0, {.vcpus = vcpus});
        CHECK(x86::has(one, leaf::htt) == (vcpus > 1));
        CHECK((one.b >> 16 & 0xff) >= vcpus);
    }
}

TEST_CASE("cpuid_query: what follows the control registers") {
    policies const p;
    CHECK_FALSE(x86::has(ask(p.usual, 1), leaf::osxsave));
    CHECK(x86::has(ask(p.usual, 1, 0, {.cr4 = 1U << 18}), leaf::osxsave));
    CHECK_FALSE(x86::has(ask(p.usual, 7), leaf::ospke));
    CHECK(x86::has(ask(p.usual, 7, 0, {.cr4 = 1U << 22}), leaf::ospke));
    CHECK(x86::has(ask(p.usual, 1), leaf::apic));
    CHECK_FALSE(x86::has(ask(p.usual, 1, 0, {.apic_enabled = false}), leaf::apic));
}

TEST_CASE("cpuid_query: sizes of 0xd agree with XCR0 and with the subleaves") {
    policies const p;
    CHECK(xcr0_offered(p.usual) == 0x2e7);
    for (std::uint64_t const xcr0 : {0x1ULL, 0x3ULL, 0x7ULL, 0xe7ULL, 0x2e7ULL, 0x207ULL}) {
        cpuid_context const c{.xcr0 = xcr0};
        auto const main = ask(p.usual, leaf::leaf_xstate, 0, c);
        std::uint32_t plain = 576;
        std::uint32_t compact = 576;
        for (std::uint32_t n = 2; n != 63; ++n) {
            auto const part = ask(p.usual, leaf::leaf_xstate, n, c);
            if ((0x2e7ULL >> n & 1) == 0 || n > 9) {
                REQUIRE(part == x86::cpuid_leaf{});
                continue;
            }
            REQUIRE(part.a != 0);
            if ((xcr0 >> n & 1) != 0) {
                plain = std::max(plain, part.b + part.a);
                compact += part.a;
            }
        }
        CHECK(main.a == 0x2e7);
        CHECK(main.b == plain);
        CHECK(main.c == 2696);
        CHECK(main.b <= main.c);
        CHECK(ask(p.usual, leaf::leaf_xstate, 1, c).b == compact);
        CHECK((ask(p.usual, leaf::leaf_xstate, 1, c).a & 8) == 0); // no XSAVES
    }
}

TEST_CASE("merge_cpuid_leaf takes less, and never more") {
    policies const p;
    auto q = p.usual;
    auto features = p.most.get(1);
    x86::set(features, leaf::avx, false);
    x86::set(features, leaf::vmx, true);
    x86::set(features, leaf::hypervisor, false);
    REQUIRE(merge_cpuid_leaf(q, p.most, {1, cpuid_policy::no_subleaf, features}));
    CHECK_FALSE(q.has(leaf::avx));
    CHECK_FALSE(q.has(leaf::vmx));
    CHECK(q.has(leaf::hypervisor));
    CHECK(q.has(leaf::sse3));

    REQUIRE(merge_cpuid_leaf(q, p.most, {0, cpuid_policy::no_subleaf, {0xffff, 1, 2, 3}}));
    CHECK(q.get(0).a == leaf::leaf_xstate);
    CHECK(leaf::is_same_vendor(q.get(0), leaf::vendor_amd));
    REQUIRE(merge_cpuid_leaf(q, p.most, {0, cpuid_policy::no_subleaf, {7, 0, 0, 0}}));
    CHECK(ask(q, leaf::leaf_xstate) == x86::cpuid_leaf{});

    REQUIRE(merge_cpuid_leaf(q, p.most, {0xd, 0, {7, 0, 0, 0xffffffff}}));
    CHECK(xcr0_offered(q) == 7);
    REQUIRE(merge_cpuid_leaf(q, p.most, {0x80000002, cpuid_policy::no_subleaf, {1, 2, 3, 4}}));
    CHECK(q.get(0x80000002) == x86::cpuid_leaf{1, 2, 3, 4});

    CHECK(merge_cpuid_leaf(q, p.most, {0x40000000, cpuid_policy::no_subleaf, {0, 0, 0, 0}}));
    CHECK(merge_cpuid_leaf(q, p.most, {0x20, cpuid_policy::no_subleaf, {}}).error() == errc::range);
    CHECK(merge_cpuid_leaf(q, p.most, {0x90000000, 0, {}}).error() == errc::range);
}

TEST_CASE("merge_cpuid_leaf: a policy taken over leaf by leaf is itself") {
    policies const p;
    auto q = p.usual;
    for (auto const& e : p.usual) {
        REQUIRE(merge_cpuid_leaf(q, p.most, e));
    }
    REQUIRE(q.size() == p.usual.size());
    for (auto const& e : p.usual) {
        INFO("leaf " << std::hex << e.leaf << "." << e.subleaf);
        CHECK(q.get(e.leaf, e.subleaf) == e.value);
    }
}

TEST_CASE("cr4_offered follows the features of the policy") {
    cpuid_policy p;
    CHECK(cr4_offered(p) == x86::cr4::pce.raw());
    x86::cpuid_leaf features{};
    x86::set(features, leaf::pae, true);
    x86::set(features, leaf::xsave, true);
    REQUIRE(p.set(1, cpuid_policy::no_subleaf, features));
    x86::cpuid_leaf more{};
    x86::set(more, leaf::smep, true);
    REQUIRE(p.set(7, 0, more));
    CHECK(cr4_offered(p) ==
          (x86::cr4::pce | x86::cr4::pae | x86::cr4::osxsave | x86::cr4::smep).raw());
}

TEST_CASE("cpuid_policy finds what was set in any order") {
    cpuid_policy p;
    std::array const leaves{0x80000008U, 0U, 0x40000000U, 0x8000002fU, 13U,        0x2fU,
                            0x30U,       1U, 0x80000030U, 0xffffffffU, 0x80000000U};
    for (auto const n : leaves) {
        for (std::uint32_t const sub : {3U, 0U}) {
            REQUIRE(p.set(n, sub, {n, sub, 0, 0}));
        }
    }
    CHECK(p.size() == 2 * leaves.size());
    for (auto const n : leaves) {
        CHECK(p.get(n, 0) == x86::cpuid_leaf{n, 0, 0, 0});
        CHECK(p.get(n, 3) == x86::cpuid_leaf{n, 3, 0, 0});
        CHECK(p.find(n, 1) == nullptr);
        CHECK(p.find(n, 4) == nullptr);
    }
    CHECK(p.find(2) == nullptr);
    CHECK(std::is_sorted(p.begin(), p.end(), [](auto const& a, auto const& b) {
        return std::pair(a.leaf, a.subleaf) < std::pair(b.leaf, b.subleaf);
    }));
}
