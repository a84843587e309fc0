// SPDX-License-Identifier: Apache-2.0
// expected: what it holds, how XENPP_TRY hands an error on, what value() throws, how steps chain.
#include <xenpp/base/error.hpp>
#include <xenpp/base/expected.hpp>

#include <memory>
#include <string>
#include <type_traits>

using namespace xenpp;

namespace {

result<std::unique_ptr<int>> make(bool good) {
    if (!good) {
        return fail("make", errc::nomem, "no room for the number");
    }
    return std::make_unique<int>(7);
}

result<int> twice(bool good) {
    auto p = XENPP_TRY(make(good));
    return *p * 2;
}

static_assert(std::is_trivially_copyable_v<expected<unsigned, errc>>);

} // namespace

TEST_CASE("expected.try_unwraps_a_move_only_value") {
    CHECK(twice(true).value() == 14);
}

TEST_CASE("expected.try_hands_the_error_on") {
    auto r = twice(false);
    REQUIRE_FALSE(r);
    CHECK(r.error().operation == "make");
    CHECK(r.error().message() == "make: no room for the number: Cannot allocate memory (errno 12)");
}

TEST_CASE("expected.value_throws_the_message") {
    CHECK_THROWS_WITH(twice(false).value(), Catch::Contains("no room for the number"));
}

TEST_CASE("expected.steps_chain_as_in_std") {
    auto const half = [](int n) -> expected<int, errc> {
        return n % 2 == 0 ? expected<int, errc>(n / 2) : unexpected(errc::inval);
    };
    auto const words = [](errc e) { return e == errc::inval ? std::string("odd") : std::string(); };
    auto const both = [&](int n) {
        return expected<int, errc>(n)
            .and_then(half)
            .transform([](int m) { return m + 0.5; })
            .transform_error(words);
    };
    STATIC_REQUIRE(std::is_same_v<decltype(both(4)), expected<double, std::string>>);
    CHECK(both(4).value() == 2.5);
    REQUIRE_FALSE(both(3));
    CHECK(both(3).error() == "odd");
    CHECK(both(3).value_or(7) == 7);
}
