// SPDX-License-Identifier: Apache-2.0
// CPU pools: the hypervisor knows them by number, xenstore their names.
#include "host/session.hpp"

#include <xenpp/cpupool.hpp>
#include <xenpp/ctl/cpupool.hpp>
#include <xenpp/ctl/sysctl.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xenpp {
namespace {

struct scheduler_row {
    scheduler_kind kind;
    char const* name;
};

constexpr std::array schedulers{
    scheduler_row{scheduler_kind::sedf, "sedf"},
    scheduler_row{scheduler_kind::credit, "credit"},
    scheduler_row{scheduler_kind::credit2, "credit2"},
    scheduler_row{scheduler_kind::arinc653, "arinc653"},
    scheduler_row{scheduler_kind::rtds, "rtds"},
    scheduler_row{scheduler_kind::null, "null"},
};

std::string pool_node(std::uint32_t pool) {
    return fmt::format("/local/pool/{}", pool);
}

result<std::string> name_of(detail::session& s, std::uint32_t pool) {
    auto name = s.store().read(pool_node(pool) + "/name");
    if (!name && detail::is_missing(name.error())) {
        return fmt::format("Pool-{}", pool);
    }
    return name;
}

result<cpupool_info> to_info(detail::session& s, ctl::cpupool_info p) {
    return cpupool_info{p.id, XENPP_TRY(name_of(s, p.id)), static_cast<scheduler_kind>(p.sched_id),
                        cpu_set::from_words(std::move(p.cpus)), p.domains};
}

result<std::uint32_t> cpu_count(detail::session& s) {
    return XENPP_TRY(ctl::get_physinfo(s.hypervisor())).max_cpu_id + 1;
}

result<std::vector<cpupool_info>> list_pools(detail::session& s) {
    std::vector<cpupool_info> out;
    for (auto& p : XENPP_TRY(ctl::get_cpupools(s.hypervisor(), XENPP_TRY(cpu_count(s))))) {
        out.push_back(XENPP_TRY(to_info(s, std::move(p))));
    }
    return out;
}

result<void> check_name(std::string_view operation, std::string_view name) {
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
        return fail(operation, EINVAL, "a CPU pool's name cannot be empty or a number");
    }
    return {};
}

/// A refusal with what it means here.
result<void> explained(result<void> done, std::string_view operation, std::string_view why_busy) {
    if (!done && done.error().code == EBUSY) {
        return fail(operation, EBUSY, std::string(why_busy));
    }
    return done;
}

} // namespace

char const* to_string(scheduler_kind k) noexcept {
    auto const at = std::ranges::find(schedulers, k, &scheduler_row::kind);
    return at == schedulers.end() ? "unknown" : at->name;
}

std::optional<scheduler_kind> parse_scheduler(std::string_view name) noexcept {
    for (auto const& row : schedulers) {
        if (name == row.name) {
            return row.kind;
        }
    }
    return std::nullopt;
}

namespace detail {

result<cpupool_info> find_cpupool(session& s, std::string_view what) {
    auto const all = XENPP_TRY(list_pools(s));
    bool const is_number = what.find_first_not_of("0123456789") == std::string_view::npos;
    for (auto const& p : all) {
        if (is_number ? std::to_string(p.id) == what : p.name == what) {
            return p;
        }
    }
    return fail("find CPU pool", ENOENT, fmt::format("there is no CPU pool \"{}\"", what));
}

} // namespace detail

result<std::vector<cpupool_info>> cpupools::list() const {
    return list_pools(*session_);
}

result<cpupool_info> cpupools::find(std::string_view name_or_id) const {
    return detail::find_cpupool(*session_, name_or_id);
}

result<cpu_set> cpupools::free_cpus() const {
    return cpu_set::from_words(
        XENPP_TRY(ctl::get_free_cpus(session_->hypervisor(), XENPP_TRY(cpu_count(*session_)))));
}

result<cpupool_info>
cpupools::create(std::string_view name, scheduler_kind scheduler, cpu_set const& cpus) const {
    constexpr std::string_view operation = "create CPU pool";
    XENPP_TRY(check_name(operation, name));
    if (find(name)) {
        return fail(operation, EEXIST, fmt::format("there is a CPU pool \"{}\"", name));
    }
    auto& hypervisor = session_->hypervisor();
    auto const id = ctl::create_cpupool(hypervisor, static_cast<std::uint32_t>(scheduler));
    if (!id && id.error().code == ENOENT) {
        return fail(operation, ENOENT,
                    fmt::format("this hypervisor has no scheduler \"{}\"", to_string(scheduler)));
    }
    auto const pool = XENPP_TRY(id);
    auto const equip = [&]() -> result<void> {
        auto const most = XENPP_TRY(cpu_count(*session_));
        for (std::uint32_t c = 0; c != most; ++c) {
            if (cpus.contains(c)) {
                XENPP_TRY(add_cpu(pool, c));
            }
        }
        return session_->store().write(pool_node(pool) + "/name", name);
    };
    if (auto const done = equip(); !done) {
        static_cast<void>(destroy(pool).has_value());
        return unexpected(done.error());
    }
    return find(name);
}

result<void> cpupools::destroy(std::uint32_t pool) const {
    constexpr std::string_view operation = "destroy CPU pool";
    auto& hypervisor = session_->hypervisor();
    auto const info = XENPP_TRY(find(std::to_string(pool)));
    if (pool == 0 || info.domains != 0) {
        return fail(operation, EBUSY,
                    pool == 0 ? std::string("pool 0 stays, domain 0 is in it")
                              : fmt::format("it has {} domains", info.domains));
    }
    auto const most = XENPP_TRY(cpu_count(*session_));
    for (std::uint32_t c = 0; c != most; ++c) {
        if (info.cpus.contains(c)) {
            XENPP_TRY(ctl::remove_cpu_from_cpupool(hypervisor, pool, c));
        }
    }
    XENPP_TRY(explained(ctl::destroy_cpupool(hypervisor, pool), operation, "it has domains"));
    auto const gone = session_->store().rm(pool_node(pool));
    return !gone && detail::is_missing(gone.error()) ? result<void>() : gone;
}

result<void> cpupools::rename(std::uint32_t pool, std::string_view name) const {
    constexpr std::string_view operation = "rename CPU pool";
    XENPP_TRY(check_name(operation, name));
    if (auto const other = find(name); other && other->id != pool) {
        return fail(operation, EEXIST, fmt::format("CPU pool {} has that name", other->id));
    }
    return session_->store().write(pool_node(pool) + "/name", name);
}

result<void> cpupools::add_cpu(std::uint32_t pool, std::uint32_t cpu) const {
    return explained(ctl::add_cpu_to_cpupool(session_->hypervisor(), pool, cpu),
                     "add CPU to CPU pool",
                     fmt::format("CPU {} is in a pool; remove it from there first", cpu));
}

result<void> cpupools::remove_cpu(std::uint32_t pool, std::uint32_t cpu) const {
    constexpr std::string_view operation = "remove CPU from CPU pool";
    if (!XENPP_TRY(find(std::to_string(pool))).cpus.contains(cpu)) {
        return fail(operation, EINVAL, fmt::format("CPU {} is not in it", cpu));
    }
    return explained(ctl::remove_cpu_from_cpupool(session_->hypervisor(), pool, cpu), operation,
                     fmt::format("CPU {} is its last one, and it has domains", cpu));
}

result<void> cpupools::move_domain(domid d, std::uint32_t pool) const {
    return explained(ctl::move_domain_to_cpupool(session_->hypervisor(), d, pool),
                     "move domain to CPU pool", "the pool has no CPU");
}

result<std::uint32_t> cpupools::ratelimit_us(std::uint32_t pool) const {
    return ctl::get_credit2_ratelimit(session_->hypervisor(), pool);
}

result<void> cpupools::set_ratelimit_us(std::uint32_t pool, std::uint32_t us) const {
    return ctl::set_credit2_ratelimit(session_->hypervisor(), pool, us);
}

} // namespace xenpp
