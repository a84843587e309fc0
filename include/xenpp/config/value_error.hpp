// SPDX-License-Identifier: Apache-2.0
// What is wrong with a structured value, and at which byte of it.
#pragma once

#include <cstddef>
#include <string>

namespace xenpp::config {

struct value_error {
    std::size_t offset = 0;
    std::string reason;
    std::string suggestion = {}; ///< what to write instead; may be empty
};

} // namespace xenpp::config
