// SPDX-License-Identifier: Apache-2.0
// A neighbour: a PV domain that says "count N" ten times a second, as long as it is let.
#include "../pv_lib/pv_guest.hpp"

#include <xenpp/abi/sched.hpp>

void guest::test() noexcept {
    for (std::uint64_t n = 1;; ++n) {
        print("count ");
        print(n);
        print("\n");
        abi::sched_poll p{};
        p.timeout = now_ns() + 100'000'000;
        while (now_ns() < p.timeout) { // the console's events end a poll too
            hypercall(abi::hypercall::sched_op, abi::sched_op::poll, &p);
        }
    }
}

void guest::second_test(std::uint64_t) noexcept {}
