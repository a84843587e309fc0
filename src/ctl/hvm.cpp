// SPDX-License-Identifier: Apache-2.0
// Parameters of HVM and PVH domains.
#include <xenpp/abi/hvm/hvm_op.hpp>
#include <xenpp/ctl/hvm.hpp>

#include <fmt/core.h>

namespace xenpp::ctl {

result<void> set_hvm_param(connection& c, domid d, std::uint32_t index, std::uint64_t value) {
    auto op = XENPP_TRY(transport::hypercall_buffer<abi::hvm_param>::create(c.doors()));
    op->domid = d.raw();
    op->index = index;
    op->value = value;
    auto const done = c.call({"hvm_set_param", d}, abi::hypercall::hvm_op,
                             {static_cast<std::uint64_t>(abi::hvm_op::set_param), op.address()});
    if (!done) {
        auto e = done.error();
        auto const which = fmt::format("parameter {} as {:#x}", index, value);
        e.detail = e.detail.empty() ? which : which + ": " + e.detail;
        return unexpected(std::move(e));
    }
    return {};
}

result<std::uint64_t> get_hvm_param(connection& c, domid d, std::uint32_t index) {
    auto op = XENPP_TRY(transport::hypercall_buffer<abi::hvm_param>::create(c.doors()));
    op->domid = d.raw();
    op->index = index;
    XENPP_TRY(c.call({"hvm_get_param", d}, abi::hypercall::hvm_op,
                     {static_cast<std::uint64_t>(abi::hvm_op::get_param), op.address()}));
    return op->value;
}

} // namespace xenpp::ctl
