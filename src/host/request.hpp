// SPDX-License-Identifier: Apache-2.0
// From a configuration to what the builder needs, or to what is wrong with it on this host.
#pragma once

#include "host/session.hpp"

#include <xenpp/builder/build_pv.hpp>
#include <xenpp/builder/build_pvh.hpp>
#include <xenpp/builder/file.hpp>
#include <xenpp/builder/kernel_image.hpp>

#include <memory>
#include <optional>
#include <variant>

namespace xenpp::detail {

/// All that building a domain needs, found and checked before anything is made. Owns the bytes
/// that the plan refers to.
struct build_request {
    std::unique_ptr<builder::kernel_image> kernel;
    std::optional<builder::file> ramdisk;
    std::variant<builder::pvh_plan, builder::pv_plan> plan;
    builder::domain_settings settings;
};

/// Errors in words, each with what to do about it: the kind of guest, kernel and ramdisk, CPUs,
/// limits, memory.
result<build_request> prepare(session& s, config::domain_config const& c, config::uuid const& id);

/// ENOMEM if the host has less than `frames` free.
result<void> check_memory(session& s, std::uint64_t memory_mib, std::uint64_t frames);

} // namespace xenpp::detail
