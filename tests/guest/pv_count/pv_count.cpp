// SPDX-License-Identifier: Apache-2.0
// A neighbour: a PV domain that says "count N" ten times a second, as long as it is let.
#include "../pv_lib/pv_guest.hpp"

#include <xenpp/abi/sched.hpp>

void guest::test() noexcept {
    std::uint64_t now = shared().vcpu_info[0].time.system_time;
    for (std::uint64_t n = 1;; ++n) {
        print("count ");
        print(n);
        print("\n");
        abi::sched_poll p{};
        now += 100'000'000;
        p.timeout = now;
        hypercall(abi::hypercall::sched_op, abi::sched_op::poll, &p);
    }
}

void guest::second_test(std::uint64_t) noexcept {}
