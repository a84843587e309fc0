// SPDX-License-Identifier: Apache-2.0
// How many lines a device may have written in the log: guests can cause them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace xenpp::detail {

/// Times are nanoseconds of a clock that does not go back.
class line_limit {
public:
    static constexpr unsigned most_lines = 10;
    static constexpr std::uint64_t window_ns = 60'000'000'000;

    enum class verdict {
        write,
        write_last, ///< no more until the minute is over
        drop,
    };

    /// What is to be done with a line of `who`.
    verdict judge(std::string_view who, std::uint64_t now) {
        std::erase_if(windows_,
                      [now](auto const& w) { return now - w.second.began_ns >= window_ns; });
        auto& w = windows_.try_emplace(std::string(who), window{now, 0}).first->second;
        ++w.lines;
        return w.lines < most_lines    ? verdict::write
               : w.lines == most_lines ? verdict::write_last
                                       : verdict::drop;
    }

private:
    struct window {
        std::uint64_t began_ns = 0;
        std::uint64_t lines = 0;
    };

    std::map<std::string, window> windows_;
};

} // namespace xenpp::detail
