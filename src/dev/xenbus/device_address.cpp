// SPDX-License-Identifier: Apache-2.0
// The paths of a device in xenstore, and the device of a path.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/xenbus/device_address.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/format.h>

namespace xenpp::dev {

std::string frontend_path(device_address const& a) {
    return fmt::format("{}/device/{}/{}", store::domain_path(a.frontend), a.kind, a.id);
}

std::string backend_path(device_address const& a) {
    return fmt::format("{}/backend/{}{}/{}/{}", store::domain_path(a.backend),
                       a.is_beside_kernel ? beside_kernel_prefix : "", a.kind, a.frontend.raw(),
                       a.id);
}

std::string libxl_path(device_address const& a) {
    return fmt::format("/libxl/{}/device/{}/{}", a.frontend.raw(), a.kind, a.id);
}

std::string error_path(device_address const& a) {
    return fmt::format("{}/error/backend/{}/{}/{}", store::domain_path(a.backend), a.kind,
                       a.frontend.raw(), a.id);
}

std::string to_string(device_address const& a) {
    return fmt::format("{} {} of domain {}", a.kind, a.id, a.frontend.raw());
}

std::optional<device_address> parse_backend_path(std::string_view path) {
    store::path_walker walk(path);
    if (walk.next() != "local" || walk.next() != "domain") {
        return std::nullopt;
    }
    auto const backend = store::parse_domid(walk.next());
    if (!backend || walk.next() != "backend") {
        return std::nullopt;
    }
    auto kind = walk.next();
    bool const is_beside_kernel = kind.starts_with(beside_kernel_prefix);
    if (is_beside_kernel) {
        kind.remove_prefix(beside_kernel_prefix.size());
    }
    auto const frontend = store::parse_domid(walk.next());
    auto const id = parse_number<std::uint64_t>(walk.next());
    if (!frontend || !id || *id > UINT32_MAX) {
        return std::nullopt;
    }
    return device_address{std::string(kind), *frontend, static_cast<std::uint32_t>(*id), *backend,
                          is_beside_kernel};
}

} // namespace xenpp::dev
