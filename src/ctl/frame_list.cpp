// SPDX-License-Identifier: Apache-2.0
// Calls that tell which frames a domain has.
#include <xenpp/abi/memory.hpp>
#include <xenpp/ctl/frame_list.hpp>

namespace xenpp::ctl {

using transport::hypercall_buffer;

result<std::uint64_t> maximum_gfn(connection& c, domid d) {
    auto op = XENPP_TRY(hypercall_buffer<abi::memory_domain>::create(c.doors()));
    op->domid = d.raw();
    return c.call({"memory_maximum_gpfn", d}, abi::hypercall::memory_op,
                  {static_cast<std::uint64_t>(abi::mem_op::maximum_gpfn), op.address()});
}

result<std::vector<std::uint64_t>>
get_frame_types(connection& c, domid d, gfn first, std::uint64_t count) {
    auto frames = XENPP_TRY(hypercall_buffer<std::uint64_t>::create(c.doors(), count));
    for (std::uint64_t i = 0; i != count; ++i) {
        frames[i] = first.raw() + i;
    }
    abi::domctl op{};
    op.u.getpageframeinfo3.num = count;
    op.u.getpageframeinfo3.array.p = frames.address();
    XENPP_TRY(c.domctl("domctl_getpageframeinfo3", abi::domctl_op::getpageframeinfo3, d, op));
    return std::vector(frames.data(), frames.data() + count);
}

} // namespace xenpp::ctl
