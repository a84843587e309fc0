// SPDX-License-Identifier: Apache-2.0
// libfmt's compiled part for the static tools, because Debian's package has only a shared one.
#include <fmt/format-inl.h>

#include <locale>

namespace fmt::detail {

template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);
template std::locale locale_ref::get<std::locale>() const;

} // namespace fmt::detail
