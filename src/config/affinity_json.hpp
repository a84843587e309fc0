// SPDX-License-Identifier: Apache-2.0
// Affinity in libxl's JSON: an array of CPU numbers for each vCPU that is spoken of.
#pragma once

#include <xenpp/config/cpu_list.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>

namespace xenpp::config {

inline nlohmann::ordered_json affinity_json(cpu_affinity const& a,
                                            std::uint32_t vcpus,
                                            std::span<std::uint32_t const> node_of_cpu) {
    auto all = nlohmann::ordered_json::array();
    auto const lists = static_cast<std::uint32_t>(a.lists.size());
    for (std::uint32_t vcpu = 0; vcpu < (a.is_per_vcpu ? std::min(lists, vcpus) : vcpus); ++vcpu) {
        auto const set = evaluate(a.of(vcpu), node_of_cpu);
        auto cpus = nlohmann::ordered_json::array();
        for (std::size_t cpu = 0; cpu < set.size(); ++cpu) {
            if (set[cpu]) {
                cpus.push_back(cpu);
            }
        }
        all.push_back(std::move(cpus));
    }
    return all;
}

/// The same read back: one list for all of `vcpus` where they are alike. False: it is no such
/// thing.
inline bool
read_affinity(nlohmann::ordered_json const& all, std::uint32_t vcpus, cpu_affinity& to) {
    if (!all.is_array()) {
        return false;
    }
    to = {};
    for (auto const& cpus : all) {
        if (!cpus.is_array()) {
            return false;
        }
        cpu_list list;
        for (auto const& cpu : cpus) {
            if (!cpu.is_number_unsigned() || cpu.get<std::uint64_t>() >= cpu_term::unbounded) {
                return false;
            }
            auto const n = cpu.get<std::uint32_t>();
            if (!list.empty() && n != 0 && list.back().last == n - 1) {
                list.back().last = n;
            } else {
                list.push_back({.first = n, .last = n});
            }
        }
        to.lists.push_back(std::move(list));
    }
    to.is_per_vcpu = to.lists.size() < vcpus ||
                     std::ranges::adjacent_find(to.lists, std::not_equal_to{}) != to.lists.end();
    if (!to.is_per_vcpu) {
        to.lists.resize(1);
    }
    return true;
}

} // namespace xenpp::config
