// SPDX-License-Identifier: Apache-2.0
// Rows that compare one structure, member or number of ours with that of the installed C headers.
#pragma once

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace xenpp::abi_test {

/// What two declarations must have in common.
struct shape {
    std::size_t offset;
    std::size_t size;
    std::size_t align;
    bool is_signed;

    friend constexpr bool operator==(shape const&, shape const&) = default;
};

/// A structure or a member: the C name, its shape there, its shape here.
struct layout {
    char const* name;
    shape theirs;
    shape ours;
};

/// A number: the C name, its value there, its value here.
struct number {
    char const* name;
    std::uint64_t theirs;
    std::uint64_t ours;
};

/// A string: the C name, its text there, its text here.
struct text {
    char const* name;
    std::string_view theirs;
    std::string_view ours;
};

template <class T>
constexpr shape shape_of(std::size_t offset) {
    using bare = std::remove_reference_t<T>;
    using element = std::remove_all_extents_t<bare>;
    return {offset, sizeof(bare), alignof(bare),
            std::is_integral_v<element> && std::is_signed_v<element>};
}

/// The bits of a number or enumerator, sign-extended.
template <class T>
constexpr std::uint64_t bits_of(T value) {
    if constexpr (std::is_enum_v<T>) {
        return bits_of(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_signed_v<T>) {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    } else {
        return value;
    }
}

inline void check(std::span<layout const> rows) {
    for (auto const& row : rows) {
        INFO(row.name << ": theirs at " << row.theirs.offset << " size " << row.theirs.size
                      << ", ours at " << row.ours.offset << " size " << row.ours.size);
        CHECK(row.theirs == row.ours);
    }
}

inline void check(std::span<number const> rows) {
    for (auto const& row : rows) {
        INFO(row.name);
        CHECK(row.theirs == row.ours);
    }
}

inline void check(std::span<text const> rows) {
    for (auto const& row : rows) {
        INFO(row.name);
        CHECK(row.theirs == row.ours);
    }
}

} // namespace xenpp::abi_test

// clang-format off
/// The structure `c` of C against `cpp` of xenpp::abi.
#define XENPP_SAME_STRUCT(c, cpp)                                                                  \
    ::xenpp::abi_test::layout {                                                                    \
        #c, ::xenpp::abi_test::shape_of<::c>(0), ::xenpp::abi_test::shape_of<::xenpp::abi::cpp>(0) \
    }

/// One member of both.
#define XENPP_SAME_MEMBER(c, cpp, m)                                                               \
    ::xenpp::abi_test::layout {                                                                    \
        #c "." #m,                                                                                 \
        ::xenpp::abi_test::shape_of<decltype((std::declval<::c&>().m))>(offsetof(::c, m)),         \
        ::xenpp::abi_test::shape_of<decltype((std::declval<::xenpp::abi::cpp&>().m))>(             \
            offsetof(::xenpp::abi::cpp, m))                                                        \
    }

/// The number `c` of C against `cpp` of xenpp::abi.
#define XENPP_SAME_NUMBER(c, cpp)                                                                  \
    ::xenpp::abi_test::number {                                                                    \
        #c, ::xenpp::abi_test::bits_of(c), ::xenpp::abi_test::bits_of(::xenpp::abi::cpp)           \
    }

/// The string `c` of C against `cpp` of xenpp::abi.
#define XENPP_SAME_TEXT(c, cpp)                                                                    \
    ::xenpp::abi_test::text { #c, c, ::xenpp::abi::cpp }
// clang-format on
