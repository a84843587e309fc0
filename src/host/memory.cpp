// SPDX-License-Identifier: Apache-2.0
// A domain's memory.
#include "host/session.hpp"

#include <xenpp/base/parse_number.hpp>
#include <xenpp/builder/domain_settings.hpp>
#include <xenpp/ctl/domctl.hpp>
#include <xenpp/memory.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

namespace xenpp {
namespace {

result<kib> read_kib(detail::domain_ref const& d, std::string_view name) {
    auto const path = detail::domain_node(d.id, name);
    auto const text = XENPP_TRY(d.s->store().read(path));
    auto const n = parse_number<std::uint64_t>(text);
    if (!n) {
        return fail("read domain's memory", EINVAL,
                    fmt::format("xenstore says {} = \"{}\"", path, text));
    }
    return kib(*n);
}

/// What it was made for: as its configuration says, else xenstore.
result<kib> most_memory(detail::domain_ref const& d) {
    auto const config = d.s->configs().load(d.uuid);
    return config ? kib(mib(config->maxmem_mib)) : read_kib(d, "memory/static-max");
}

} // namespace

result<kib> memory::current() const {
    return kib(pages(XENPP_TRY(domain_->check("query domain's memory")).tot_pages));
}

result<kib> memory::target() const {
    XENPP_TRY(domain_->check("read domain's memory target"));
    return read_kib(*domain_, "memory/target");
}

result<void> memory::set_target(kib size) const {
    constexpr std::string_view operation = "set domain's memory target";
    auto const& d = *domain_;
    auto const info = XENPP_TRY(d.check(operation));
    auto const most = XENPP_TRY(most_memory(d));
    if (size.count == 0 || size > most) {
        return fail(operation, EINVAL,
                    fmt::format("{} KiB is not from 1 to the {} KiB it was made for", size.count,
                                most.count));
    }
    // The limit never goes below what the domain has: its balloon driver is not there yet.
    auto const now = kib(pages(info.tot_pages));
    auto const limit = std::max(size + kib(builder::memory_slack_kib), now);
    XENPP_TRY(ctl::set_max_memory(d.s->hypervisor(), d.id, limit.count));
    return d.s->store().write(detail::domain_node(d.id, "memory/target"),
                              std::to_string(size.count));
}

result<kib> memory::max() const {
    return kib(pages(XENPP_TRY(domain_->check("query domain's memory")).max_pages));
}

result<void> memory::set_max(kib size) const {
    constexpr std::string_view operation = "set domain's maximal memory";
    auto const& d = *domain_;
    auto const now = kib(pages(XENPP_TRY(d.check(operation)).tot_pages));
    if (size < now) {
        return fail(operation, EINVAL,
                    fmt::format("{} KiB is less than the {} KiB it has", size.count, now.count));
    }
    return ctl::set_max_memory(d.s->hypervisor(), d.id, size.count);
}

} // namespace xenpp
