// SPDX-License-Identifier: Apache-2.0
// Calls about CPU pools.
#include <xenpp/ctl/cpupool.hpp>

#include <algorithm>
#include <cerrno>

namespace xenpp::ctl {
namespace {

/// One cpupool_op with room for `cpus` CPUs in its answer.
class pool_call {
public:
    static result<pool_call> create(connection& c, std::uint32_t cpus) {
        auto const words = std::max<std::size_t>((cpus + 63) / 64, 1);
        return pool_call(
            c, XENPP_TRY(transport::hypercall_buffer<std::uint64_t>::create(c.doors(), words)));
    }

    result<void> run(std::uint32_t what, std::uint32_t pool) {
        op_ = {};
        op_.u.cpupool_op.op = what;
        op_.u.cpupool_op.cpupool_id = pool;
        op_.u.cpupool_op.cpumap.bitmap.p = map_.address();
        op_.u.cpupool_op.cpumap.nr_bits = static_cast<std::uint32_t>(map_.size() * 64);
        return c_->sysctl("sysctl_cpupool_op", abi::sysctl_op::cpupool_op, op_);
    }

    abi::sysctl_cpupool_op const& answer() const noexcept { return op_.u.cpupool_op; }

    std::vector<std::uint64_t> cpus() const { return {map_.data(), map_.data() + map_.size()}; }

private:
    pool_call(connection& c, transport::hypercall_buffer<std::uint64_t> map) noexcept
        : c_(&c), map_(std::move(map)) {}

    connection* c_;
    transport::hypercall_buffer<std::uint64_t> map_;
    abi::sysctl op_{};
};

/// A cpupool_op that answers nothing.
result<void> change(
    connection& c, std::uint32_t what, std::uint32_t pool, std::uint32_t cpu = 0, domid d = dom0) {
    abi::sysctl op{};
    auto& q = op.u.cpupool_op;
    q.op = what;
    q.cpupool_id = pool;
    q.cpu = cpu;
    q.domid = d.raw();
    return c.sysctl("sysctl_cpupool_op", abi::sysctl_op::cpupool_op, op);
}

result<std::uint32_t>
ratelimit(connection& c, std::uint32_t pool, std::uint32_t cmd, std::uint32_t us) {
    abi::sysctl op{};
    auto& q = op.u.scheduler_op;
    q.cpupool_id = pool;
    q.sched_id = abi::scheduler_credit2;
    q.cmd = cmd;
    q.u.sched_credit2.ratelimit_us = us;
    XENPP_TRY(c.sysctl("sysctl_scheduler_op", abi::sysctl_op::scheduler_op, op));
    return q.u.sched_credit2.ratelimit_us;
}

} // namespace

result<std::vector<cpupool_info>> get_cpupools(connection& c, std::uint32_t cpus) {
    auto call = XENPP_TRY(pool_call::create(c, cpus));
    std::vector<cpupool_info> out;
    for (std::uint32_t next = 0;;) {
        auto const done = call.run(abi::sysctl_cpupool_op_info, next);
        if (!done && done.error().code == ENOENT) {
            return out;
        }
        XENPP_TRY(done);
        auto const& a = call.answer();
        out.push_back({a.cpupool_id, a.sched_id, a.n_dom, call.cpus()});
        next = a.cpupool_id + 1;
    }
}

result<std::vector<std::uint64_t>> get_free_cpus(connection& c, std::uint32_t cpus) {
    auto call = XENPP_TRY(pool_call::create(c, cpus));
    XENPP_TRY(call.run(abi::sysctl_cpupool_op_freeinfo, 0));
    return call.cpus();
}

result<std::uint32_t> create_cpupool(connection& c, std::uint32_t sched_id) {
    abi::sysctl op{};
    op.u.cpupool_op.op = abi::sysctl_cpupool_op_create;
    op.u.cpupool_op.cpupool_id = abi::sysctl_cpupool_par_any;
    op.u.cpupool_op.sched_id = sched_id;
    XENPP_TRY(c.sysctl("sysctl_cpupool_op", abi::sysctl_op::cpupool_op, op));
    return op.u.cpupool_op.cpupool_id;
}

result<void> destroy_cpupool(connection& c, std::uint32_t pool) {
    return change(c, abi::sysctl_cpupool_op_destroy, pool);
}

result<void> add_cpu_to_cpupool(connection& c, std::uint32_t pool, std::uint32_t cpu) {
    return change(c, abi::sysctl_cpupool_op_addcpu, pool, cpu);
}

result<void> remove_cpu_from_cpupool(connection& c, std::uint32_t pool, std::uint32_t cpu) {
    return change(c, abi::sysctl_cpupool_op_rmcpu, pool, cpu);
}

result<void> move_domain_to_cpupool(connection& c, domid d, std::uint32_t pool) {
    return change(c, abi::sysctl_cpupool_op_movedomain, pool, 0, d);
}

result<std::uint32_t> get_credit2_ratelimit(connection& c, std::uint32_t pool) {
    return ratelimit(c, pool, abi::sysctl_schedop_getinfo, 0);
}

result<void> set_credit2_ratelimit(connection& c, std::uint32_t pool, std::uint32_t us) {
    XENPP_TRY(ratelimit(c, pool, abi::sysctl_schedop_putinfo, us));
    return {};
}

} // namespace xenpp::ctl
