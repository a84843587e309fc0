// SPDX-License-Identifier: Apache-2.0
// Finding out whether there is a Xen beneath, and opening Linux's way to it.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/core.h>

#include <fcntl.h>
#include <transport/native_doors.hpp>
#include <transport/native_ioctl.hpp>
#include <unistd.h>

#include <cerrno>

namespace xenpp::transport::native {
namespace {

/// What to do where a device cannot be opened.
std::string remedy(std::string const& path, std::string_view name, int code) {
    switch (code) {
    case EACCES:
    case EPERM: return fmt::format("{}: only root may manage a Xen host", path);
    case ENOENT:
        return fmt::format("there is no {}: the kernel's module is missing; modprobe xen-{}", path,
                           name == "hypercall" ? "privcmd" : name);
    case ENODEV:
    case ENXIO: return fmt::format("{}: this kernel does not run on Xen", path);
    default: return path;
    }
}

} // namespace

result<os::unique_fd> open_device(std::string_view name, int extra_flags) {
    auto const path = fmt::format("/dev/xen/{}", name);
    auto fd = os::open_file(path, O_RDWR | extra_flags);
    if (!fd) {
        auto const code = fd.error().code;
        return fail("open Xen host", code, remedy(path, name, code));
    }
    return fd;
}

bool available() {
    // A guest may have the devices too; only the control domain has the capability.
    if (auto const capabilities = os::read_file("/proc/xen/capabilities")) {
        return capabilities->find("control_d") != std::string::npos;
    }
    // xenfs may not be mounted; sysfs has the hypervisor's features (features.h), in hexadecimal.
    constexpr std::uint64_t xenfeat_dom0 = std::uint64_t{1} << 11;
    auto const text = os::read_file("/sys/hypervisor/properties/features");
    if (!text) {
        return false;
    }
    auto const line = std::string_view(*text).substr(0, text->find('\n'));
    return (parse_number<std::uint64_t>(line, 16).value_or(0) & xenfeat_dom0) != 0;
}

result<std::unique_ptr<doors>> open(options const& o) {
    auto privcmd = XENPP_TRY(open_device("privcmd"));
    auto hypercall = XENPP_TRY(open_device("hypercall"));
    if (o.restrict_to) {
        auto domain = o.restrict_to->raw();
        auto const status = device_call(privcmd.get(), privcmd_ioctl_restrict, &domain);
        if (status < 0) {
            return fail("restrict hypercalls", static_cast<int>(-status));
        }
    }
    return std::unique_ptr<doors>(
        std::make_unique<native_doors>(std::move(privcmd), std::move(hypercall), o));
}

} // namespace xenpp::transport::native
