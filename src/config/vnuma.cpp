// SPDX-License-Identifier: Apache-2.0
// Virtual NUMA nodes from their strings and back.
#include "config/text_scanner.hpp"

#include <xenpp/config/vnuma.hpp>

#include <fmt/format.h>

namespace xenpp::config {

expected<void, value_error> parse_spec(std::string_view text, vnuma_node& to) {
    text_scanner in(text);
    in.skip_blanks();
    std::size_t const at = in.offset();
    auto const key = in.until("=");
    if (!in.skip("=")) {
        return in.fail_at(at, fmt::format("`{}` has no value", key));
    }
    std::uint64_t n = 0;
    if (key == "pnode" && in.number(n, 10) && in.at_end() && n < UINT32_MAX) {
        to.pnode = static_cast<std::uint32_t>(n);
        return {};
    }
    if (key == "size" && in.number(n, 10) && in.at_end() && n != 0 && n < UINT32_MAX) {
        to.size_mib = n;
        return {};
    }
    if (key == "vcpus") {
        auto list = parse_cpu_list(in.rest());
        if (!list) {
            return in.fail_at(in.offset() + list.error().offset, list.error().reason);
        }
        to.vcpus = *std::move(list);
        return {};
    }
    if (key == "vdistances") {
        do {
            if (!in.number(n, 10) || n > UINT32_MAX) {
                return in.fail("distances are numbers, separated by `,`");
            }
            to.vdistances.push_back(static_cast<std::uint32_t>(n));
        } while (in.skip(","));
        if (in.at_end()) {
            return {};
        }
    }
    if (word_index("pnode|size|vcpus|vdistances", key) < 0) {
        return in.unknown_key(at, key, "pnode|size|vcpus|vdistances");
    }
    return in.fail(fmt::format("`{}` takes a number", key));
}

std::vector<std::string> print(vnuma_node const& n) {
    std::vector<std::string> out;
    if (n.pnode) {
        out.push_back(fmt::format("pnode={}", *n.pnode));
    }
    if (n.size_mib != 0) {
        out.push_back(fmt::format("size={}", n.size_mib));
    }
    if (!n.vcpus.empty()) {
        out.push_back("vcpus=" + print(n.vcpus));
    }
    if (!n.vdistances.empty()) {
        std::string distances;
        for (auto d : n.vdistances) {
            distances += fmt::format("{}{}", distances.empty() ? "vdistances=" : ",", d);
        }
        out.push_back(std::move(distances));
    }
    return out;
}

} // namespace xenpp::config
