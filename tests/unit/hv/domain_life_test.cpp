// SPDX-License-Identifier: Apache-2.0
// Tests of a domain's life below the hypercalls: the control domain, shutdown, references.
#include <xenpp/hv/domain_life.hpp>

#include <fakes/hv_host.hpp>

#include <memory>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

TEST_CASE("create_control_domain: the n-th allocation may fail, and nothing leaks") {
    for (std::uint64_t n = 0;; ++n) {
        fake_platform platform(16384);
        auto const hv = std::make_unique<hypervisor<fake_platform>>(platform);
        hv->cpu_epoch.fill(~std::uint64_t{0});
        hv->frames.add(mfn(0), 16384, true).value();
        auto const window = hv->frames.allocate(4, dom0, page_use::guest).value();
        auto const before = hv->frames.free_pages();
        platform.allocations_left = n;
        auto const made =
            create_control_domain(*hv, {0x1000'0000, to_maddr(window), 16 * page_size}, page_size);
        if (made) {
            CHECK(n > 2);
            CHECK(hv->control == *made);
            CHECK((*made)->shared_info_frame == window + 1);
            CHECK((*made)->total_pages == 16);
            break;
        }
        REQUIRE(made.error() == errc::nomem);
        REQUIRE(hv->control == nullptr);
        while (hv->frames.reclaim()) {
        }
        REQUIRE(hv->frames.free_pages() == before);
    }
}

TEST_CASE("domain_shutdown keeps the first reason; the control domain's end is the machine's") {
    hv_host h;
    auto& d = h.make_domain();
    domain_shutdown(d, abi::shutdown_crash);
    domain_shutdown(d, abi::shutdown_poweroff);
    CHECK(d.shutdown_code == abi::shutdown_crash);
    CHECK_FALSE(h.platform.is_shut_down);
    domain_shutdown(*h.hv.control, abi::shutdown_reboot);
    CHECK(h.platform.is_shut_down);
    CHECK(h.platform.is_rebooting);
}

TEST_CASE("vcpu_create refuses what is there, what may not be, and what the machine cannot") {
    hv_host h;
    auto& d = h.make_domain(1);
    CHECK(vcpu_create(d, vcpu_id(0)).error() == errc::exist);
    CHECK(vcpu_create(d, vcpu_id(1)).error() == errc::inval);
    auto& e = **create_domain(h.hv, domid(9), hv_host::create_args());
    h.platform.fail_create_vcpu = true;
    CHECK(vcpu_create(e, vcpu_id(0)).error() == errc::nomem);
    CHECK(e.vcpus[0] == nullptr);
    h.kill(d);
    h.kill(e);
    CHECK(h.settle() == h.baseline);
}

TEST_CASE("a frame of a dead domain keeps it until the frame goes") {
    hv_host h;
    auto& d = h.make_domain();
    h.populate(d, gfn(0), 9);
    auto page = get_page(d, gfn(5)).value();
    auto const id = d.id;
    h.kill(d);
    REQUIRE(find_domain(h.hv, id));
    CHECK(d.total_pages == 1);
    CHECK(get_page(d, gfn(6)).error() == errc::noent); // its memory map is closed
    page = page_ref<fake_platform>();
    CHECK_FALSE(find_domain(h.hv, id));
    CHECK(h.settle() == h.baseline);
}
