// SPDX-License-Identifier: Apache-2.0
// /dev/net/tun and the old network ioctls.
#include <xenpp/os/file.hpp>
#include <xenpp/os/tap.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string_view>

namespace xenpp::os {

namespace {

result<ifreq> request_for(std::string const& name) {
    ifreq r{};
    if (name.empty() || name.size() >= sizeof r.ifr_name) {
        return fail("network interface", errc::inval,
                    fmt::format("{} is no name: 1 to {} characters", name, sizeof r.ifr_name - 1));
    }
    std::ranges::copy(name, r.ifr_name);
    return r;
}

result<ifreq> ask(unsigned long what, ifreq r, std::string const& name) {
    unique_fd const socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::ioctl(socket.get(), what, &r) != 0) {
        return fail_errno("network interface", name);
    }
    return r;
}

} // namespace

result<unique_fd> open_tap(std::string const& name) {
    constexpr std::string_view operation = "make TAP device";
    auto r = XENPP_TRY(request_for(name));
    r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    unique_fd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap) {
        return fail_errno(operation, "/dev/net/tun");
    }
    if (::ioctl(tap.get(), TUNSETIFF, &r) != 0) {
        return fail_errno(operation, name);
    }
    int header = sizeof(tap_header);
    unsigned const offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (::ioctl(tap.get(), TUNSETVNETHDRSZ, &header) != 0 ||
        ::ioctl(tap.get(), TUNSETOFFLOAD, offloads) != 0) {
        return fail_errno(operation, name);
    }
    return tap;
}

result<void> set_interface_mtu(std::string const& name, std::uint16_t mtu) {
    auto r = XENPP_TRY(request_for(name));
    r.ifr_mtu = mtu;
    XENPP_TRY(ask(SIOCSIFMTU, r, name));
    return {};
}

result<std::uint16_t> interface_mtu(std::string const& name) {
    auto const r = XENPP_TRY(ask(SIOCGIFMTU, XENPP_TRY(request_for(name)), name));
    return static_cast<std::uint16_t>(
        std::clamp<int>(r.ifr_mtu, 0, std::numeric_limits<std::uint16_t>::max()));
}

result<void> join_bridge(std::string const& bridge, std::string const& name) {
    auto r = XENPP_TRY(request_for(bridge));
    auto const index = static_cast<int>(::if_nametoindex(name.c_str()));
    if (index == 0) {
        return fail_errno("network interface", name);
    }
    r.ifr_ifindex = index;
    XENPP_TRY(ask(SIOCBRADDIF, r, bridge));
    auto flags = XENPP_TRY(ask(SIOCGIFFLAGS, XENPP_TRY(request_for(name)), name));
    flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_UP);
    XENPP_TRY(ask(SIOCSIFFLAGS, flags, name));
    return {};
}

bool is_bridge(std::string const& name) {
    // Not by /sys, which shows the network namespace in which it was mounted.
    auto r = request_for(name);
    if (!r) {
        return false;
    }
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    r->ifr_data = reinterpret_cast<char*>(&info);
    return ask(SIOCETHTOOL, *r, name) && std::string_view(info.driver) == "bridge";
}

bool may_open_taps() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    return ::syscall(SYS_capget, &header, data.data()) == 0 &&
           (data[0].effective & (1U << CAP_NET_ADMIN)) != 0;
}

} // namespace xenpp::os
