// SPDX-License-Identifier: Apache-2.0
// xl mem-set, mem-max, claims, sharing: who has how much memory.
#include "cli/xl/lookup.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/cli/domain_view.hpp>
#include <xenpp/cli/xl.hpp>

#include <fmt/format.h>

#include <array>

namespace xenpp::cli::xl {
namespace {

result<std::vector<domain_row>> rows_of(xenpp::host const& h, arguments const& args) {
    std::vector<domain_row> rows;
    for (auto const& d : XENPP_TRY(selected(h, args.operands))) {
        rows.push_back({d});
    }
    return rows;
}

/// A size: MiB, or a number with b, k, m, g or t behind it.
result<kib> parse_size(std::string_view text) {
    constexpr std::string_view suffixes = "bkmgt";
    auto const whole = text;
    int shift = 20; // a number alone is in MiB
    if (!text.empty() && !is_digits(text.substr(text.size() - 1))) {
        char const letter = static_cast<char>(text.back() | 0x20);
        auto const at = suffixes.find(letter);
        if (at == std::string_view::npos) {
            return refuse(fmt::format("invalid memory size: {} (a number of MiB, or one with b, k, "
                                      "m, g or t behind it)",
                                      whole));
        }
        shift = static_cast<int>(at) * 10;
        text.remove_suffix(1);
    }
    auto const n = parse_number<std::uint64_t>(text);
    constexpr std::uint64_t most = std::uint64_t{1} << 53;
    if (!n || *n > most >> shift) {
        return refuse(fmt::format("invalid memory size: {}", whole));
    }
    return kib(*n << shift >> 10);
}

} // namespace

result<int> mem_set(session& s, arguments const& args) {
    auto const size = XENPP_TRY(parse_size(args.operands[1]));
    XENPP_TRY(XENPP_TRY(operand(s, args)).memory().set_target(size));
    return exit_success;
}

result<int> mem_max(session& s, arguments const& args) {
    auto const size = XENPP_TRY(parse_size(args.operands[1]));
    if (auto const done = XENPP_TRY(operand(s, args)).memory().set_max(size); !done) {
        return refuse(fmt::format("cannot set domid {} static max memory to : {} KiB ({})",
                                  args.operands[0], size.count, done.error().message()));
    }
    return exit_success;
}

result<int> claims(session& s, arguments const& args) {
    auto const as = XENPP_TRY(chosen_format(args));
    auto const rows = XENPP_TRY(rows_of(*XENPP_TRY(s.open()), args));
    auto layout = list_layout({});
    layout.header += "  Claimed";
    layout.cells.push_back({"claimed_mib", "{:>6}"});
    auto const t = tabulate("domain", domain_fields(), std::span<domain_row const>(rows));
    s.print(render(t, as, layout.layout()));
    return exit_success;
}

result<int> sharing(session& s, arguments const& args) {
    constexpr std::array cells{text_cell{"title", "{:<40}"}, text_cell{"domid", " {:>5}"},
                               text_cell{"memory_mib", " {:>5}"},
                               text_cell{"shared_mib", "  {:>5}"}};
    auto const as = XENPP_TRY(chosen_format(args));
    auto const rows = XENPP_TRY(rows_of(*XENPP_TRY(s.open()), args));
    auto const t = tabulate("domain", domain_fields(), std::span<domain_row const>(rows));
    s.print(render(t, as, {"Name                                        ID   Mem Shared", cells}));
    return exit_success;
}

} // namespace xenpp::cli::xl
