// SPDX-License-Identifier: Apache-2.0
// Calls about a domain's grant table.
#include <xenpp/abi/grant_table.hpp>
#include <xenpp/ctl/grant_table.hpp>

#include <fmt/core.h>

#include <cerrno>

namespace xenpp::ctl {

result<gfn> first_grant_frame(connection& c, domid d) {
    constexpr std::string_view name = "grant_table_setup_table";
    auto const frame = XENPP_TRY(transport::hypercall_buffer<std::uint64_t>::create(c.doors()));
    auto const op =
        XENPP_TRY(transport::hypercall_buffer<abi::gnttab_setup_table>::create(c.doors()));
    op->dom = d.raw();
    op->nr_frames = 1;
    op->frame_list.p = frame.address();
    XENPP_TRY(c.call({name, d}, abi::hypercall::grant_table_op,
                     {static_cast<std::uint64_t>(abi::gnttab_op::setup_table), op.address(), 1}));
    if (op->status != abi::gntst_okay) {
        return unexpected(error{name, EINVAL, fmt::format("status {}", op->status), d.raw()});
    }
    return gfn(*frame);
}

} // namespace xenpp::ctl
