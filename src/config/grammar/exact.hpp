// SPDX-License-Identifier: Apache-2.0
// The grammar of Xen 4.17's own parser, mistakes and all.
#pragma once

#include <xenpp/config/parse.hpp>

namespace xenpp::config::grammar {

/// Reads the one source of `out`, which is not longer than `max_text_size`.
void parse_exactly(parse_result& out);

} // namespace xenpp::config::grammar
