// SPDX-License-Identifier: Apache-2.0
// xlcpupool.cfg: the description of one CPU pool.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/cpu_list.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>

#include <span>
#include <string>
#include <string_view>

namespace xenpp::config {

/// A pool; of `cpus` and the CPUs of `nodes` it gets all.
struct cpupool_config {
    std::string name;
    std::string sched; ///< empty: the hypervisor's
    cpu_list cpus;     ///< nodes are terms of it; without terms: one free CPU

    friend bool operator==(cpupool_config const&, cpupool_config const&) = default;
};

struct loaded_cpupool : cpupool_config {
    diagnostics warnings;
};

/// Reads a text, with settings that win over it; `file_name` names the pool where `name` is absent.
expected<loaded_cpupool, diagnostics> parse_cpupool(std::string_view text,
                                                    std::string_view file_name,
                                                    std::span<std::string const> overrides = {});

expected<loaded_cpupool, diagnostics> load_cpupool(std::string const& path,
                                                   std::span<std::string const> overrides = {});

std::string print(cpupool_config const& c);

} // namespace xenpp::config
