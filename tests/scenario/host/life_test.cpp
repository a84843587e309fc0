// SPDX-License-Identifier: Apache-2.0
// The life of domains on a simulated host, through the objects.
#include "host_bed.hpp"

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/hvm/params.hpp>
#include <xenpp/config/uuid.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/ctl/event_channel.hpp>
#include <xenpp/ctl/hvm.hpp>
#include <xenpp/xenpp.hpp>

#include <chrono>

using namespace xenpp;
using fakes::host_bed;
using std::chrono::milliseconds;

namespace {

/// As many frames as a domain's grant table may have.
std::uint32_t grant_frames(ctl::connection& c, domid d) {
    auto const op = transport::hypercall_buffer<abi::gnttab_query_size>::create(c.doors()).value();
    op->dom = d.raw();
    c.call({"grant_table_query_size", d}, abi::hypercall::grant_table_op,
           {static_cast<std::uint64_t>(abi::gnttab_op::query_size), op.address(), 1})
        .value();
    return op->status == abi::gntst_okay ? op->max_nr_frames : 0;
}

} // namespace

TEST_CASE("host.a created domain is paused, named, and as large as asked") {
    host_bed b;
    auto c = b.config("guest");
    c.vcpus = 2;
    c.maxvcpus = 4;
    auto const dom = b.host.create(c).value();
    auto const info = dom.info().value();
    CHECK(info.id == dom.id());
    CHECK(info.uuid == dom.uuid());
    CHECK(info.name == "guest");
    CHECK(info.state() == run_state::paused);
    CHECK(info.is_hvm);
    CHECK(info.vcpus == 4);
    CHECK(mib(info.memory) >= mib(16));
    CHECK(mib(info.memory) < mib(17));
    CHECK(dom.vcpus().size() == 4);
    CHECK(b.host.domains().value().size() == 2);
    CHECK(b.host.domains().value()[0].name == "Domain-0");
}

TEST_CASE("host.finds a domain by name, number and UUID") {
    host_bed b;
    auto const one = b.create("one");
    auto const two = b.create("two");
    CHECK(b.host.find("two").value() == two);
    CHECK(b.host.find(std::to_string(one.id().raw())).value() == one);
    CHECK(b.host.find(config::format(two.uuid())).value() == two);
    CHECK(b.host.find(one.id()).value() == one);
    CHECK(b.host.find("three").error().code == ENOENT);
    CHECK(b.host.find("77").error().code == ESRCH);
}

TEST_CASE("host.a life leaves nothing behind") {
    host_bed b;
    { b.create("first").destroy().value(); } // nodes such as /local/domain stay
    auto const before = b.look();
    auto const dom = b.start("guest");
    CHECK(b.look() != before);
    dom.shutdown().value();
    CHECK(dom.wait_for_shutdown(milliseconds(60'000)).value() == shutdown_reason::poweroff);
    CHECK(dom.info().value().state() == run_state::shut_down);
    dom.destroy().value();
    CHECK(b.look() == before);
}

TEST_CASE("domain.a handle knows that its domain is gone") {
    host_bed b;
    auto const dom = b.create("guest");
    auto const vcpu = dom.vcpus()[0];
    dom.destroy().value();
    auto const expect = [&](auto const& r) {
        REQUIRE(!r);
        CHECK(r.error().message().find("domain " + std::to_string(dom.id().raw()) + " is gone") !=
              std::string::npos);
    };
    expect(dom.info());
    expect(dom.name());
    expect(dom.pause());
    expect(dom.unpause());
    expect(dom.shutdown());
    expect(dom.destroy());
    expect(dom.rename("other"));
    expect(dom.memory().current());
    expect(dom.console().log());
    expect(vcpu.info());
    expect(vcpu.pin(cpu_set{0}));
    CHECK(dom.wait_until_gone(milliseconds(0)).value());
}

TEST_CASE("domain.pauses count, and an unpause too many is refused") {
    host_bed b;
    auto const dom = b.create("guest");
    dom.unpause().value();
    CHECK(!dom.info().value().is_paused);
    dom.pause().value();
    dom.pause().value();
    dom.unpause().value();
    CHECK(dom.info().value().is_paused);
    dom.unpause().value();
    CHECK(!dom.info().value().is_paused);
    CHECK(dom.unpause().error().code == EINVAL);
}

TEST_CASE("domain.shuts down for the reason it is asked for") {
    host_bed b;
    auto const dom = b.start("guest");
    CHECK(!dom.wait_for_shutdown(milliseconds(5)).value());
    dom.shutdown(shutdown_reason::reboot).value();
    CHECK(dom.wait_for_shutdown().value() == shutdown_reason::reboot);
    CHECK(dom.shutdown(shutdown_reason::crash).error().code == EINVAL);
}

TEST_CASE("domain.a rename takes a free name only") {
    host_bed b;
    auto const one = b.create("one");
    auto const two = b.create("two");
    auto const taken = two.rename("one");
    REQUIRE(!taken);
    CHECK(taken.error().code == EEXIST);
    two.rename("three").value();
    CHECK(two.name().value() == "three");
    CHECK(b.host.find("three").value() == two);
    CHECK(!b.host.find("two"));
    CHECK(two.config().value().name == "three");
    two.rename("three").value(); // its own
    CHECK(!two.rename(""));
}

TEST_CASE("domain.remembers what it was made from") {
    host_bed b;
    auto c = b.config("guest");
    c.on_crash = config::shutdown_action::preserve;
    auto const dom = b.host.create(c).value();
    c.uuid = dom.uuid();
    CHECK(dom.config().value() == c);
    CHECK(dom.start_time().value() > 1.6e9);
}

TEST_CASE("host.a domain is created with its share, its clock and its limits") {
    host_bed b;
    auto c = b.config("guest");
    c.cpu_weight = 512;
    c.cap = 25;
    c.tsc_mode = config::tsc_mode::native;
    c.timer_mode = config::timer_mode::delay_for_missed_ticks;
    c.max_event_channels = 3;
    c.max_grant_frames = 5;
    auto const dom = b.host.create(c).value();
    CHECK(dom.scheduling()->weight == 512);
    CHECK(dom.scheduling()->cap == 25);
    auto& hv = b.session().hypervisor();
    abi::domctl op{};
    hv.domctl("domctl_gettscinfo", abi::domctl_op::gettscinfo, dom.id(), op).value();
    CHECK(op.u.tsc_info.tsc_mode == 2);
    CHECK(ctl::get_hvm_param(hv, dom.id(), abi::hvm_param_timer_mode).value() == 0);
    CHECK(grant_frames(hv, dom.id()) == 5);
    // Port 0 is none; the domain's xenstore and console have 1 and 2.
    CHECK(ctl::alloc_unbound(hv, dom.id(), dom0));
    CHECK_FALSE(ctl::alloc_unbound(hv, dom.id(), dom0));
    c.name = "other";
    c.tsc_mode = config::tsc_mode::always_emulate;
    CHECK(b.host.create(c).error().message().find("domctl_settscinfo") != std::string::npos);
}

TEST_CASE("vcpu.pins and prefers") {
    host_bed b({.cpus = 4});
    auto c = b.config("guest");
    c.cpus.lists = {config::parse_cpu_list("1-2").value()};
    auto const dom = b.host.create(c).value();
    auto const v = dom.vcpus()[0];
    CHECK(v.info().value().hard == cpu_set{1, 2});
    v.pin(cpu_set{3}).value();
    CHECK(v.info().value().hard == cpu_set{3});
    v.prefer(cpu_set{0, 3}).value();
    CHECK(v.info().value().soft.includes(cpu_set{3}));
    CHECK(!v.pin(cpu_set{}));
    CHECK(!v.pin(cpu_set{60}));
    CHECK(dom.vcpu_infos().value().size() == 1);
}

TEST_CASE("memory.targets stay within what the domain was made for") {
    host_bed b;
    auto c = b.config("guest");
    c.maxmem_mib = 32;
    auto const dom = b.host.create(c).value();
    auto const m = dom.memory();
    CHECK(m.target().value() == kib(mib(16)));
    m.set_target(mib(32)).value();
    CHECK(m.target().value() == kib(mib(32)));
    CHECK(m.max().value() == kib(mib(33)));
    CHECK(!m.set_target(mib(33)));
    CHECK(!m.set_target(mib(0)));
    CHECK(m.current().value() >= kib(mib(16)));
    CHECK(!m.set_max(mib(1)));
    m.set_max(mib(40)).value();
    CHECK(m.max().value() == kib(mib(40)));
}

TEST_CASE("host.tells what it is") {
    host_bed b({.memory = mib(512), .cpus = 3});
    auto const info = b.host.info().value();
    CHECK(info.kind == host_kind::sim);
    CHECK(info.cpus == 3);
    CHECK(info.xen_major == 4);
    CHECK(info.xen_minor == 17);
    CHECK(info.capabilities.hvm);
    CHECK(info.capabilities.hap);
    CHECK(info.page_size == page_size);
    CHECK(mib(info.total_memory) > mib(400));
    CHECK(info.free_memory <= info.total_memory);
    CHECK(b.host.topology().value().size() == 3);
    abi::domctl_createdomain bad{}; // the hypervisor says why it refuses
    CHECK(!ctl::create_domain(b.session().hypervisor(), bad));
    CHECK(!b.host.console_ring().value().empty());
    CHECK(!b.host.take_console_ring().value().empty());
    CHECK(b.host.console_ring().value().empty());
}

TEST_CASE("host.a guest of limited lifetime powers off by itself") {
    host_bed b({.guest_lifetime = milliseconds(2)});
    auto const dom = b.create("guest");
    CHECK(!dom.wait_for_shutdown(milliseconds(10)).value()); // paused
    dom.unpause().value();
    CHECK(dom.wait_for_shutdown().value() == shutdown_reason::poweroff);
}

TEST_CASE("host.handles keep the host open") {
    std::optional<domain> dom;
    fakes::scratch_folder folder;
    {
        host_bed b;
        dom = b.create("guest");
    }
    CHECK(dom->info().value().name == "guest");
    dom->destroy().value();
}

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#elif defined(__has_feature)
constexpr bool is_sanitized = __has_feature(address_sanitizer);
#else
constexpr bool is_sanitized = false;
#endif
/// Each domain makes every look at the host longer; with ASan, a thousand take minutes.
constexpr unsigned many = is_sanitized ? 200 : 1000;

} // namespace

TEST_CASE("host.a thousand domains") {
    host_bed b({.memory = mib(32768)});
    b.create("first").destroy().value();
    auto const before = b.look();
    std::vector<domain> all;
    for (unsigned i = 0; i != many; ++i) {
        auto c = b.config("guest" + std::to_string(i));
        c.memory_mib = c.maxmem_mib = 4;
        all.push_back(b.host.create(c).value());
    }
    CHECK(b.host.domains().value().size() == many + 1);
    CHECK(b.host.find("guest" + std::to_string(many - 1)).value() == all.back());
    for (auto const& d : all) {
        d.destroy().value();
    }
    CHECK(b.look() == before);
}
