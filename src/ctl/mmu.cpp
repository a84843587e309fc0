// SPDX-License-Identifier: Apache-2.0
// Page-table calls for PV domains, in portions that fit the arguments' memory.
#include <xenpp/ctl/mmu.hpp>

#include <algorithm>
#include <cerrno>

namespace xenpp::ctl {
namespace {

constexpr std::size_t at_once = 1024;

/// Both hypercalls: a list, its length, where to write how much was done, the domain.
template <class T>
result<void>
run(connection& c, subject const& what, abi::hypercall number, std::span<T const> list) {
    auto const portion = XENPP_TRY(
        transport::hypercall_buffer<T>::create(c.doors(), std::min(at_once, list.size())));
    auto const done = XENPP_TRY(transport::hypercall_buffer<std::uint32_t>::create(c.doors()));
    while (!list.empty()) {
        auto const n = std::min(portion.size(), list.size());
        std::ranges::copy(list.first(n), portion.data());
        *done = 0;
        XENPP_TRY(c.call(what, number, {portion.address(), n, done.address(), what.domain->raw()}));
        if (*done != n) {
            return unexpected(
                error{what.operation, EIO, "the hypervisor left work undone", what.domain->raw()});
        }
        list = list.subspan(n);
    }
    return {};
}

} // namespace

result<void> update_mmu(connection& c, domid d, std::span<abi::mmu_update const> updates) {
    return run(c, {"mmu_update", d}, abi::hypercall::mmu_update, updates);
}

result<void> run_mmuext(connection& c, domid d, std::span<abi::mmuext_op const> commands) {
    return run(c, {"mmuext_op", d}, abi::hypercall::mmuext_op, commands);
}

result<void> pin_root_table(connection& c, domid d, mfn root) {
    abi::mmuext_op op{};
    op.cmd = static_cast<std::uint32_t>(abi::mmuext_cmd::pin_l4_table);
    op.arg1.mfn = root.raw();
    return run_mmuext(c, d, std::span<abi::mmuext_op const>(&op, 1));
}

} // namespace xenpp::ctl
