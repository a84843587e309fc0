// SPDX-License-Identifier: Apache-2.0
// base/errc.hpp and xen/errno.h: the same numbers, and every number has its name.
#include "same.hpp"

#include <xenpp/base/errc.hpp>

#include <algorithm>
#include <iterator>
#include <string>

namespace {

struct error_row {
    std::string name;
    int value;
};

// The C header is made to be expanded with a macro of the reader's; two of its numbers it shows
// to the hypervisor alone.
error_row const theirs[] = {
#define __XEN__
#define XEN_ERRNO(name, value) {#name, value},
#include <xen/errno.h>
#undef __XEN__
};

/// Second names of a number.
bool is_alias(std::string const& name) {
    return name == "EWOULDBLOCK" || name == "EDEADLOCK";
}

} // namespace

TEST_CASE("errc has the number and the name of every Xen error") {
    REQUIRE(std::size(theirs) > 40);
    for (auto const& row : theirs) {
        INFO(row.name);
        auto const ours = static_cast<xenpp::errc>(row.value);
        if (!is_alias(row.name)) {
            CHECK("E" + std::string{xenpp::name(ours)} == row.name);
        }
        CHECK(xenpp::to_abi(ours) == -row.value);
    }
}

TEST_CASE("errc has no error that Xen lacks") {
    for (int value = 1; value < 256; ++value) {
        INFO(value);
        bool const known = std::any_of(std::begin(theirs), std::end(theirs),
                                       [value](auto& row) { return row.value == value; });
        CHECK(known == !xenpp::name(static_cast<xenpp::errc>(value)).empty());
    }
}
