// SPDX-License-Identifier: Apache-2.0
// Tests of the domctls that only PV domains know: address size, the hypercall page of SYSCALLs.
#include <xenpp/hv/domctl.hpp>

#include <fakes/hv_host.hpp>

#include <vector>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::fake_platform;
using fakes::hv_host;

namespace {

struct bench : hv_host {
    bench() {
        auto args = create_args();
        args.flags = 0;
        args.arch.emulation_flags = 0;
        pv = create_domain(hv, free_id(), args).value();
    }

    long set_address_size(domid id, std::uint32_t bits) {
        op = {};
        op.u.address_size.size = bits;
        return ctl(abi::domctl_op::set_address_size, id);
    }

    long init_hypercall_page(std::uint64_t gmfn) {
        op = {};
        op.u.hypercall_init.gmfn = gmfn;
        return ctl(abi::domctl_op::hypercall_init, pv->id);
    }

    long ctl(abi::domctl_op cmd, domid id) {
        op.cmd = static_cast<std::uint32_t>(cmd);
        op.interface_version = abi::domctl_interface_version;
        op.domain = id.raw();
        return call_with(do_domctl<fake_platform>, {}, 0, op);
    }

    abi::domctl op{};
    domain* pv = nullptr;
};

} // namespace

TEST_CASE("domctl_pv: addresses have 64 bits") {
    bench h;
    CHECK(h.set_address_size(h.pv->id, 64) == 0);
    CHECK(h.set_address_size(h.pv->id, 32) == to_abi(errc::inval));
    CHECK(h.set_address_size(h.make_domain().id, 64) == to_abi(errc::opnotsupp));
    CHECK(h.ctl(abi::domctl_op::get_address_size, h.pv->id) == 0);
    CHECK(h.op.u.address_size.size == 64);
}

TEST_CASE("domctl_pv: the hypercall page is one of SYSCALLs") {
    bench h;
    h.pv->max_pages = 16;
    auto const frame = allocate_domain_pages(*h.pv, 0).value();
    CHECK(h.init_hypercall_page(hv_host::window_frame.raw()) == to_abi(errc::acces));
    REQUIRE(h.init_hypercall_page(frame.raw()) == 0);
    auto const* const page = reinterpret_cast<std::uint8_t const*>(h.platform.map(frame));
    auto const bytes = [page](unsigned n, std::size_t size) {
        return std::vector(page + 32 * n, page + 32 * n + size);
    };
    CHECK(bytes(17, 15) == std::vector<std::uint8_t>{0x51, 0x41, 0x53, 0xb8, 17, 0, 0, 0, 0x0f,
                                                     0x05, 0x41, 0x5b, 0x59, 0xc3, 0xcc});
    CHECK(bytes(23, 12) ==
          std::vector<std::uint8_t>{0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05, 0xcc});
}
