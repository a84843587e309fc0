// SPDX-License-Identifier: Apache-2.0
// Which code is translated anew; that it is, only an emulator shows (machine.patch_test).
#include "exit_fixture.hpp"

#include <xenpp/hv/translated_code.hpp>

using namespace xenpp;
using namespace xenpp::fakes;

TEST_CASE("translated_code.a_breakpoint_that_memory_has_not_is_renewed") {
    exit_fixture f;
    f.code(0x3ffa, {0x90, 0xcc, 0xe9, 1, 2, 3, 4});
    CHECK(hv::renew_breakpoint(f.v, 0x3ffa));
    CHECK_FALSE(hv::renew_breakpoint(f.v, 0x3ffb));
    CHECK(hv::renew_breakpoint(f.v, 0x3ffc));
    CHECK_FALSE(hv::renew_breakpoint(f.v, 0x20000000)); // no memory
    std::uint64_t at = 0x3ffa;
    for (auto const b : {0x90, 0xcc, 0xe9, 1, 2, 3, 4}) {
        CHECK(*f.m.memory(f.d, at++) == static_cast<std::byte>(b));
    }
}
