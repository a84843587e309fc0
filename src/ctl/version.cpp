// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says of itself.
#include <xenpp/abi/version.hpp>
#include <xenpp/ctl/version.hpp>

#include <fmt/core.h>

#include <cstring>

namespace xenpp::ctl {
namespace {

using abi::version_op;

result<std::uint64_t> ask(connection& c, version_op op, std::uint64_t buffer = 0) {
    return c.call({"xen_version"}, abi::hypercall::xen_version,
                  {static_cast<std::uint64_t>(op), buffer});
}

std::string text_of(char const* s, std::size_t size) {
    return {s, strnlen(s, size)};
}

result<std::string> ask_text(connection& c, version_op op, std::size_t size) {
    auto buffer = XENPP_TRY(transport::hypercall_buffer<char>::create(c.doors(), size));
    XENPP_TRY(ask(c, op, buffer.address()));
    return text_of(buffer.data(), size);
}

/// Empty where the hypervisor was linked without one.
result<std::string> ask_build_id(connection& c) {
    constexpr std::uint32_t room = 64;
    auto buffer =
        XENPP_TRY(transport::hypercall_buffer<std::uint32_t>::create(c.doors(), 1 + room / 4));
    buffer[0] = room;
    auto const length = ask(c, version_op::build_id, buffer.address());
    if (!length) {
        return std::string();
    }
    std::string out;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(*length, room); ++i) {
        auto const byte = buffer[static_cast<std::size_t>(1 + i / 4)] >> (8 * (i % 4)) & 0xff;
        out += fmt::format("{:02x}", byte);
    }
    return out;
}

} // namespace

result<version_info> get_version(connection& c) {
    version_info v;
    v.major = c.version().major;
    v.minor = c.version().minor;
    v.extra = XENPP_TRY(ask_text(c, version_op::extraversion, abi::extraversion_len));
    v.capabilities = XENPP_TRY(ask_text(c, version_op::capabilities, abi::capabilities_info_len));
    v.changeset = XENPP_TRY(ask_text(c, version_op::changeset, abi::changeset_info_len));
    v.command_line = XENPP_TRY(ask_text(c, version_op::commandline, sizeof(abi::commandline_t)));
    v.page_size = static_cast<std::uint32_t>(XENPP_TRY(ask(c, version_op::pagesize)));
    v.build_id = XENPP_TRY(ask_build_id(c));

    auto compiled = XENPP_TRY(transport::hypercall_buffer<abi::compile_info>::create(c.doors()));
    XENPP_TRY(ask(c, version_op::compile_info, compiled.address()));
    v.compiler = text_of(compiled->compiler, sizeof compiled->compiler);
    v.compiled_by = text_of(compiled->compile_by, sizeof compiled->compile_by);
    v.compile_domain = text_of(compiled->compile_domain, sizeof compiled->compile_domain);
    v.compile_date = text_of(compiled->compile_date, sizeof compiled->compile_date);

    auto platform =
        XENPP_TRY(transport::hypercall_buffer<abi::platform_parameters>::create(c.doors()));
    XENPP_TRY(ask(c, version_op::platform_parameters, platform.address()));
    v.virt_start = platform->virt_start;
    return v;
}

} // namespace xenpp::ctl
