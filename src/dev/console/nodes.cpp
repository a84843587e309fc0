// SPDX-License-Identifier: Apache-2.0
// Reading and writing the console's nodes.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/console/nodes.hpp>

#include <fmt/format.h>

#include <cstdint>

namespace xenpp::dev {

namespace {

/// Nothing for a node that is not there.
result<std::optional<std::string>> read_if_there(store::node_access const& s,
                                                 std::string const& path) {
    auto value = s.read(path);
    if (!value && value.error().code == static_cast<int>(errc::noent)) {
        return std::optional<std::string>();
    }
    return std::optional(XENPP_TRY(std::move(value)));
}

template <class T>
std::optional<T> number(std::optional<std::string> const& text) {
    return text ? parse_number<T>(*text) : std::nullopt;
}

} // namespace

std::string console_path(domid d) {
    return fmt::format("/local/domain/{}/console", d.raw());
}

result<std::optional<console_nodes>> read_console(store::node_access const& s, domid d) {
    auto const base = console_path(d);
    auto const ring = number<std::uint64_t>(XENPP_TRY(read_if_there(s, base + "/ring-ref")));
    auto const port = number<std::uint32_t>(XENPP_TRY(read_if_there(s, base + "/port")));
    auto const limit = number<std::size_t>(XENPP_TRY(read_if_there(s, base + "/limit")));
    auto const type = XENPP_TRY(read_if_there(s, base + "/type"));
    if (!ring || !port || (type && *type != "xenconsoled")) {
        return std::optional<console_nodes>();
    }
    return std::optional(console_nodes{gfn(*ring), evtchn_port(*port), limit.value_or(0)});
}

result<void> write_console_tty(store::node_access const& s, domid d, std::string const& path) {
    return s.write(console_path(d) + "/tty", path);
}

} // namespace xenpp::dev
