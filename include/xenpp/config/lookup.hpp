// SPDX-License-Identifier: Apache-2.0
// What a file's settings amount to, key by key, for programs with keys of their own.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/ast.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace xenpp::config {

/// Why a key does not give what it was asked for.
enum class lookup_fault : std::uint8_t {
    absent,       ///< it is not set (Xen's library: ESRCH)
    wrong_form,   ///< a list for a string or the other way round, or no number (EINVAL)
    out_of_range, ///< a number beyond 64 bits (ERANGE)
};

/// The value that each key ends up with, after replacing and appending. In the exact dialect a
/// value that `+=` has touched, were it the first, gives no number, as in Xen 4.17.
class lookup {
public:
    /// `f` must outlive the result. The error holds the settings that cannot be put together.
    static expected<lookup, diagnostics> of(file const& f, dialect d = dialect::documented);

    expected<std::string_view, lookup_fault> text(std::string_view key) const;
    expected<std::int64_t, lookup_fault> number(std::string_view key) const;
    expected<std::span<value const>, lookup_fault> list(std::string_view key) const;

private:
    struct entry {
        value what;
        bool is_joined = false;
    };

    entry const* find(std::string_view key) const;

    std::unordered_map<std::string_view, entry> entries_;
};

} // namespace xenpp::config
