// SPDX-License-Identifier: Apache-2.0
// Doors whose hypervisor is a function of the test; hypercall memory is ordinary memory.
#pragma once

#include <xenpp/abi/sysctl.hpp>
#include <xenpp/abi/version.hpp>
#include <xenpp/transport/doors.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace xenpp::fakes {

/// Answers version and console ring by itself, the rest by `answer`.
class scripted_doors : public transport::doors {
public:
    using arguments = std::array<std::uint64_t, 6>;

    std::uint64_t version = 4 << 16 | 17;
    std::string console;
    std::function<std::int64_t(abi::hypercall, arguments const&)> answer =
        [](abi::hypercall, arguments const&) { return -ENOSYS; };
    std::size_t allocated = 0;

    result<std::int64_t> hypercall(unsigned number, arguments const& arg) override {
        auto const what = static_cast<abi::hypercall>(number);
        if (what == abi::hypercall::xen_version && arg[0] == 0) {
            return static_cast<std::int64_t>(version);
        }
        if (what == abi::hypercall::sysctl) {
            auto& op = at<abi::sysctl>(arg[0]);
            if (op.cmd == static_cast<std::uint32_t>(abi::sysctl_op::readconsole)) {
                return read_console(op.u.readconsole);
            }
        }
        return answer(what, arg);
    }

    /// What an argument points to.
    template <class T>
    static T& at(std::uint64_t address) {
        return *reinterpret_cast<T*>(address); // NOLINT: where `allocate` put it
    }

    result<transport::hypercall_memory> allocate(std::size_t size) override {
        auto const room = (size + 63) / 64 * 64;
        auto* const data = static_cast<std::byte*>(std::aligned_alloc(64, room));
        std::memset(data, 0, room);
        ++allocated;
        return transport::hypercall_memory{data, size, reinterpret_cast<std::uint64_t>(data)};
    }

    void release(transport::hypercall_memory const& m) noexcept override {
        std::free(m.data);
        --allocated;
    }

    result<transport::foreign_mapping>
    map_foreign(domid, std::span<gfn const>, os::access) override {
        return fail("map", EOPNOTSUPP);
    }

    result<transport::foreign_mapping> map_foreign(domid, gfn, std::size_t, os::access) override {
        return fail("map", EOPNOTSUPP);
    }

    result<transport::foreign_mapping>
    map_grants(domid, std::span<grant_ref const>, os::access) override {
        return fail("map", EOPNOTSUPP);
    }

    result<std::unique_ptr<transport::event_channels>> open_event_channels() override {
        return fail("events", EOPNOTSUPP);
    }

    std::string store_path() const override { return {}; }

    std::string description() const override { return "a script"; }

private:
    std::int64_t read_console(abi::sysctl_readconsole& r) const {
        auto const from = r.incremental != 0 ? r.index : 0;
        auto const n = std::min<std::size_t>(console.size() - from, r.count);
        std::memcpy(&at<char>(r.buffer.p), console.data() + from, n);
        r.count = static_cast<std::uint32_t>(n);
        r.index = from + r.count;
        return 0;
    }
};

} // namespace xenpp::fakes
