// SPDX-License-Identifier: Apache-2.0
// Runs the list and says how many checks hold; the same guest on SVM and VMX.
#include "checks.hpp"

#include "../lib/guest.hpp"
#include "traps.hpp"

void guest::test() noexcept {
    checks::make_idt();
    checks::load_idt();
    std::uint64_t held = 0;
    std::uint64_t all = 0;
    for (auto const list : {checks::processor(), checks::ports(), checks::exceptions(),
                            checks::interrupts_and_calls(), checks::second_cpu()}) {
        for (auto const& c : list) {
            checks::last_trap = {};
            bool const holds = c.holds();
            held += holds ? 1 : 0;
            ++all;
            print(holds ? "ok   " : "FAIL ");
            print(c.name);
            print("\n");
        }
    }
    print("checks: ");
    print(held);
    print(" of ");
    print(all);
    print(" hold\n");
}
