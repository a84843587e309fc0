// SPDX-License-Identifier: Apache-2.0
// A file's identity from what fstat says.
#pragma once

#include <xenpp/builder/file.hpp>

#include <sys/stat.h>

namespace xenpp::builder {

file_identity identity_of(struct ::stat const& st) noexcept;

} // namespace xenpp::builder
