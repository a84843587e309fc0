// SPDX-License-Identifier: Apache-2.0
// Taking URIs apart, and asking getent.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <dev/vbd/nbd_host.hpp>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <sstream>
#include <utility>

namespace xenpp::dev::detail {

namespace {

constexpr std::array<std::string_view, 6> schemes{
    "nbd://", "nbds://", "nbd+unix://", "nbds+unix://", "nbd+vsock://", "nbds+vsock://",
};
/// Those whose servers have names.
constexpr std::size_t tcp_schemes = 2;

/// How long a process that was killed may take to go.
constexpr int most_kill_ms = 1000;
constexpr std::size_t most_output = std::size_t{16} << 10;
constexpr std::size_t most_addresses = 16;

/// In numbers, so that nobody has to be asked.
bool is_address(std::string_view host) {
    std::string const v4(host);
    std::string const v6(host.substr(0, host.find('%'))); // before its scope
    in6_addr a{};
    return ::inet_pton(AF_INET, v4.c_str(), &a) == 1 || ::inet_pton(AF_INET6, v6.c_str(), &a) == 1;
}

struct place {
    std::size_t begin, end;
};

/// Where in a URI its host is, with its brackets: behind the user, before the port.
place host_in(std::string_view uri) noexcept {
    auto const authority = uri.find("://") + 3;
    auto const end = std::min(uri.find_first_of("/?#", authority), uri.size());
    auto const at = uri.substr(authority, end - authority).rfind('@');
    auto const begin = at == std::string_view::npos ? authority : authority + at + 1;
    auto const bracket = uri.substr(begin).starts_with('[') ? uri.find(']', begin) : begin;
    return {begin, std::min(uri.find(':', std::min(bracket, end)), end)};
}

} // namespace

bool is_nbd_uri(std::string_view target) noexcept {
    return std::ranges::any_of(schemes,
                               [target](std::string_view s) { return target.starts_with(s); });
}

std::string host_name_in(std::string_view uri) {
    if (std::none_of(schemes.begin(), schemes.begin() + tcp_schemes,
                     [uri](std::string_view s) { return uri.starts_with(s); })) {
        return {};
    }
    auto const h = host_in(uri);
    auto host = uri.substr(h.begin, h.end - h.begin);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    return std::string(host.empty() ? "localhost" : is_address(host) ? "" : host);
}

std::string with_address(std::string_view uri, std::string_view address) {
    auto const h = host_in(uri);
    bool const is_v6 = address.find(':') != std::string_view::npos;
    return fmt::format("{}{}{}{}{}", uri.substr(0, h.begin), is_v6 ? "[" : "", address,
                       is_v6 ? "]" : "", uri.substr(h.end));
}

result<host_lookup> host_lookup::start(std::string const& name) {
    host_lookup l;
    l.output_.reset(::memfd_create("addresses", MFD_CLOEXEC));
    if (!l.output_) {
        return os::fail_errno("look up a host");
    }
    l.process_ = XENPP_TRY(os::spawn(
        {.arguments = {"getent", "ahosts", "--", name}, .log = os::path_of(l.output_.get())}));
    return l;
}

host_lookup::~host_lookup() {
    if (process_.fd() >= 0) {
        static_cast<void>(process_.send_signal(SIGKILL));
        process_.wait(most_kill_ms);
    }
}

/// A line of getent's: "ADDRESS STREAM NAME", or another kind of socket.
std::optional<std::vector<std::string>> host_lookup::answer() const {
    if (process_.is_running()) {
        return std::nullopt;
    }
    std::vector<std::string> out;
    std::istringstream lines(os::tail_of_file(os::path_of(output_.get()), most_output));
    for (std::string line; std::getline(lines, line) && out.size() != most_addresses;) {
        std::istringstream words(line);
        std::string address, kind;
        if (words >> address >> kind && kind == "STREAM") {
            out.push_back(address);
        }
    }
    return out;
}

} // namespace xenpp::dev::detail
