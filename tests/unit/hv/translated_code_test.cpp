// SPDX-License-Identifier: Apache-2.0
// A look at a breakpoint tells what memory has, and changes nothing there.
#include "exit_fixture.hpp"

#include <xenpp/hv/translated_code.hpp>

using namespace xenpp;
using namespace xenpp::fakes;

TEST_CASE("translated_code.a_look_at_a_breakpoint") {
    exit_fixture f;
    f.code(0x3ffa, {0x90, 0xcc, 0xe9, 1, 2, 3, 4});
    CHECK(hv::is_breakpoint_there(f.v, 0x3ffb));
    CHECK_FALSE(hv::is_breakpoint_there(f.v, 0x3ffa));
    CHECK_FALSE(hv::is_breakpoint_there(f.v, 0x3fff));
    CHECK_FALSE(hv::is_breakpoint_there(f.v, 0x20000000)); // no memory
    std::uint64_t at = 0x3ffa;
    for (auto const b : {0x90, 0xcc, 0xe9, 1, 2, 3, 4}) {
        CHECK(*f.m.memory(f.d, at++) == static_cast<std::byte>(b));
    }
}
