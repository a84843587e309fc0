// SPDX-License-Identifier: Apache-2.0
// A guest that makes lines without end fills no disk and silences no other.
#include <daemon/line_limit.hpp>

using xenpp::detail::line_limit;
using verdict = line_limit::verdict;

TEST_CASE("line_limit.so_many_a_minute_of_each") {
    line_limit l;
    constexpr std::uint64_t begin = 5'000'000'000;
    for (unsigned i = 1; i != line_limit::most_lines; ++i) {
        CHECK(l.judge("vbd 1", begin + i) == verdict::write);
    }
    CHECK(l.judge("vbd 1", begin + 100) == verdict::write_last);
    for (int i = 0; i != 1000; ++i) {
        CHECK(l.judge("vbd 1", begin + 200) == verdict::drop);
    }
    CHECK(l.judge("vbd 2", begin + 200) == verdict::write);
    CHECK(l.judge("vbd 1", begin + line_limit::window_ns) == verdict::drop);
    CHECK(l.judge("vbd 1", begin + 1 + line_limit::window_ns) == verdict::write);
}
