// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the memory operations of several hostile PV domains; all is counted anew after
// each, see fakes/pv_arena.hpp.
#include <fakes/pv_arena.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void expect(std::string const& fault) {
    if (!fault.empty()) {
        std::fprintf(stderr, "invariant broken: %s\n", fault.c_str());
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    xenpp::fakes::pv_arena arena;
    xenpp::fakes::byte_source in({data, size});
    for (unsigned n = 0; n < 256 && !in.is_empty(); ++n) {
        expect(arena.step(in));
        if (n % 16 == 15) { // it takes longer than all the rest
            expect(arena.find_fault());
        }
    }
    expect(arena.end());
    return 0;
}
