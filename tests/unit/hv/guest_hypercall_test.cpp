// SPDX-License-Identifier: Apache-2.0
// Tests of the hypercalls that guests make early: xen_version, hvm_op, console_io, physdev_op.
#include <xenpp/hv/console_io.hpp>
#include <xenpp/hv/hvm_op.hpp>
#include <xenpp/hv/physdev_op.hpp>
#include <xenpp/hv/xen_version.hpp>

#include <fakes/hv_host.hpp>

#include <string>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

/// A guest with a page for arguments at address 0.
struct bench : hv_host {
    bench() : d(make_domain(2)), v(*d.vcpus[0]) { populate(d, gfn(0)); }

    long version(abi::version_op op, std::uint64_t at = 0) {
        return call(do_xen_version<fake_platform>, v, {static_cast<std::uint64_t>(op), at});
    }

    template <class Op>
    long hvm(abi::hvm_op cmd, Op& op) {
        write_guest(v, 0, op).value();
        auto const r = call(do_hvm_op<fake_platform>, v, {static_cast<std::uint64_t>(cmd), 0});
        op = read_guest<Op>(v, 0).value();
        return r;
    }

    template <class Op>
    long control_hvm(abi::hvm_op cmd, Op& op) {
        return call_with(do_hvm_op<fake_platform>, {static_cast<std::uint64_t>(cmd)}, 1, op);
    }

    std::string text(std::uint64_t at) {
        std::string s;
        while (char const c = read_guest<char>(v, at + s.size()).value()) {
            s += c;
        }
        return s;
    }

    long write(vcpu& who, std::string const& s) {
        auto const at = &who == &v ? std::uint64_t{0} : scratch;
        copy_to_guest(who, at, s.data(), s.size()).value();
        return call(do_console_io<fake_platform>, who, {0, s.size(), at});
    }

    domain& d;
    vcpu& v;
};

} // namespace

TEST_CASE("xen_version: 4.17, and what a guest is told of it") {
    bench h;
    using enum abi::version_op;
    CHECK(h.version(version) == 0x40011);
    CHECK(h.version(extraversion) == 0);
    CHECK(h.text(0) == ".7-xenpp");
    CHECK(h.version(capabilities) == 0);
    CHECK(h.text(0).find("hvm-3.0-x86_64") != std::string::npos);
    CHECK(h.text(0).find("xen-3.0-x86_64") != std::string::npos);
    h.hv.has_hvm = false;
    CHECK(h.version(capabilities) == 0);
    CHECK(h.text(0) == "xen-3.0-x86_64 ");
    CHECK(h.version(pagesize) == 4096);
    CHECK(h.version(compile_info) == 0);
    CHECK_FALSE(h.text(0).empty());
    CHECK(h.version(guest_handle) == 0);
    CHECK(read_guest<std::uint8_t>(h.v, 0).value() == 0x42);
    CHECK(h.version(commandline) == to_abi(errc::perm));
    CHECK(h.version(build_id) == to_abi(errc::nodata));
    CHECK(h.version(static_cast<abi::version_op>(55)) == to_abi(errc::nosys));
    CHECK(h.version(extraversion, 4090) == to_abi(errc::fault)); // runs out of its memory
}

TEST_CASE("xen_version.get_features: what each kind of domain may rely on") {
    bench h;
    write_guest(h.v, 0, abi::feature_info{0, 0}).value();
    CHECK(h.version(abi::version_op::get_features) == 0);
    auto const submap = read_guest<abi::feature_info>(h.v, 0)->submap;
    CHECK(submap == 0x10305);
    write_guest(h.v, 0, abi::feature_info{1, 0}).value();
    CHECK(h.version(abi::version_op::get_features) == to_abi(errc::inval));
    abi::feature_info f{0, 0};
    CHECK(h.call_with(do_xen_version<fake_platform>,
                      {static_cast<std::uint64_t>(abi::version_op::get_features)}, 1, f) == 0);
    CHECK((f.submap >> abi::xenfeat_dom0 & 1) == 1);
}

TEST_CASE("xen_version.commandline is the control domain's to read") {
    bench h;
    std::memcpy(h.hv.command_line.data(), "loglvl=all", 10);

    struct {
        char text[1024];
    } line{};

    CHECK(h.call_with(do_xen_version<fake_platform>,
                      {static_cast<std::uint64_t>(abi::version_op::commandline)}, 1, line) == 0);
    CHECK(std::string(line.text) == "loglvl=all");
}

TEST_CASE("hvm params: the toolstack sets, the guest reads what is meant for it") {
    bench h;
    abi::hvm_param p{h.d.id.raw(), 0, abi::hvm_param_store_pfn, 0xfeffc};
    CHECK(h.control_hvm(abi::hvm_op::set_param, p) == 0);
    p = {abi::domid_self, 0, abi::hvm_param_store_pfn, 0};
    CHECK(h.hvm(abi::hvm_op::get_param, p) == 0);
    CHECK(p.value == 0xfeffc);
    CHECK(h.hvm(abi::hvm_op::set_param, p) == to_abi(errc::perm));
    p.index = abi::hvm_param_callback_irq;
    p.value = 1;
    CHECK(h.hvm(abi::hvm_op::set_param, p) == 0);
    CHECK(h.d.hvm_params[abi::hvm_param_callback_irq] == 1);
    p.index = abi::hvm_param_ident_pt;
    CHECK(h.hvm(abi::hvm_op::get_param, p) == to_abi(errc::perm));
    p.index = abi::hvm_param_nestedhvm; // gone
    CHECK(h.hvm(abi::hvm_op::get_param, p) == to_abi(errc::inval));
    p.index = abi::hvm_nr_params;
    CHECK(h.hvm(abi::hvm_op::get_param, p) == to_abi(errc::inval));
    p.index = ~0U;
    CHECK(h.hvm(abi::hvm_op::set_param, p) == to_abi(errc::inval));
    p = {h.make_domain().id.raw(), 0, abi::hvm_param_store_pfn, 0};
    CHECK(h.hvm(abi::hvm_op::get_param, p) == to_abi(errc::perm));
    p.domid = 999;
    CHECK(h.control_hvm(abi::hvm_op::get_param, p) == to_abi(errc::srch));
    p.domid = 0;
    CHECK(h.control_hvm(abi::hvm_op::get_param, p) == to_abi(errc::inval));
    p = {h.d.id.raw(), 0, abi::hvm_param_timer_mode, 4};
    CHECK(h.control_hvm(abi::hvm_op::set_param, p) == to_abi(errc::inval));
    p = {h.d.id.raw(), 0, abi::hvm_param_altp2m, 1};
    CHECK(h.control_hvm(abi::hvm_op::set_param, p) == to_abi(errc::inval));
}

TEST_CASE("hvm_op: upcall vectors, memory types, time, and refusals") {
    bench h;
    abi::hvm_evtchn_upcall_vector u{1, 0xf3, {}};
    CHECK(h.hvm(abi::hvm_op::set_evtchn_upcall_vector, u) == 0);
    CHECK(h.d.vcpus[1]->upcall_vector == 0xf3);
    u.vector = 0x0f;
    CHECK(h.hvm(abi::hvm_op::set_evtchn_upcall_vector, u) == to_abi(errc::inval));
    u = {2, 0xf3, {}};
    CHECK(h.hvm(abi::hvm_op::set_evtchn_upcall_vector, u) == to_abi(errc::noent));
    u = {~0U, 0xf3, {}};
    CHECK(h.hvm(abi::hvm_op::set_evtchn_upcall_vector, u) == to_abi(errc::noent));

    abi::hvm_get_mem_type t{abi::domid_self, 0, {}, 0};
    CHECK(h.hvm(abi::hvm_op::get_mem_type, t) == 0);
    CHECK(t.mem_type == abi::hvmmem_ram_rw);
    t.pfn = 77;
    CHECK(h.hvm(abi::hvm_op::get_mem_type, t) == 0);
    CHECK(t.mem_type == abi::hvmmem_mmio_dm);

    abi::hvm_get_time now{};
    CHECK(h.hvm(abi::hvm_op::get_time, now) == 0);
    CHECK(now.now == h.platform.now_ns());
    abi::hvm_pagetable_dying dying{abi::domid_self, {}, 0};
    CHECK(h.hvm(abi::hvm_op::pagetable_dying, dying) == to_abi(errc::inval));
    CHECK(h.hvm(abi::hvm_op::altp2m, dying) == to_abi(errc::nosys));
    auto const flushes = h.platform.flushes();
    CHECK(h.call(do_hvm_op<fake_platform>, h.v,
                 {static_cast<std::uint64_t>(abi::hvm_op::flush_tlbs), 0}) == 0);
    CHECK(h.platform.flushes() == flushes + 2);
    CHECK(h.call(do_hvm_op<fake_platform>, h.v,
                 {static_cast<std::uint64_t>(abi::hvm_op::flush_tlbs), 8}) == to_abi(errc::inval));
}

TEST_CASE("console_io: the control domain writes as it is, a guest only where it may") {
    bench h;
    CHECK(h.write(h.control(), "hello\n") == 0);
    CHECK(h.platform.console().find("hello\n") != std::string::npos);
    CHECK(h.write(h.control(), std::string(3000, 'y')) == 0);
    CHECK(h.turns == 3);
    CHECK(h.platform.console().find(std::string(3000, 'y')) != std::string::npos);
    CHECK(h.write(h.v, "let me\n") == to_abi(errc::perm));
    h.hv.guest_console = true;
    CHECK(h.write(h.v, "may I\x1b[2J\n(XEN) no") == 0);
    auto const console = h.platform.console();
    CHECK(console.find("let me") == std::string::npos);
    CHECK(console.find("(d1) may I[2J\n") != std::string::npos);
    CHECK(console.find("\x1b") == std::string::npos);
    CHECK(h.call(do_console_io<fake_platform>, h.control(), {1, 10, hv_host::scratch}) == 0);
    CHECK(h.call(do_console_io<fake_platform>, h.v, {1, 10, 0}) == to_abi(errc::perm));
    CHECK(h.call(do_console_io<fake_platform>, h.control(), {7}) == to_abi(errc::nosys));
    CHECK(h.call(do_console_io<fake_platform>, h.control(), {0, 5, 0}) == to_abi(errc::fault));
}

TEST_CASE("physdev_op: nobody has physical devices") {
    bench h;
    CHECK(h.call(do_physdev_op<fake_platform>, h.v, {28}) == to_abi(errc::nosys));
    CHECK(h.call(do_physdev_op<fake_platform>, h.control(), {6}) == to_abi(errc::nosys));
}
