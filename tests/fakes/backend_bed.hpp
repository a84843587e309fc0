// SPDX-License-Identifier: Apache-2.0
// What a backend uses of its process, without a process: a store, event channels that are counted.
#pragma once

#include "fakes/scripted_doors.hpp"

#include <xenpp/dev/xenbus/backend.hpp>
#include <xenpp/store/client.hpp>
#include <xenpp/store/server.hpp>

#include <cerrno>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace xenpp::fakes {

/// Events go nowhere but into counts; a test fires them by hand.
class fake_services final : public dev::backend_services {
public:
    explicit fake_services(transport::doors& d) noexcept : doors_(d) {}

    transport::doors& doors() noexcept override { return doors_; }

    result<evtchn_port> bind(domid, evtchn_port remote, std::function<void()> fired) override {
        if (fail_bind) {
            return fail("bind", EINVAL, "no such port");
        }
        bound[remote] = std::move(fired);
        return remote;
    }

    void unbind(evtchn_port port) noexcept override { bound.erase(port); }

    void notify(evtchn_port port) noexcept override { ++notified[port]; }

    result<void> add_fd(int fd, std::function<void()> ready, bool to_write) override {
        if (fail_add_fd || fd < 0) {
            return fail("epoll_ctl", fd < 0 ? EBADF : ENOSPC);
        }
        fds[fd] = std::move(ready);
        is_to_write[fd] = to_write;
        return {};
    }

    void remove_fd(int fd) noexcept override { fds.erase(fd); }

    void later(std::function<void()> what) override { put_off.push_back(std::move(what)); }

    std::string state_file(std::string_view name) const override {
        return folder.empty() ? std::string() : folder + "/" + std::string(name);
    }

    void log(std::string_view line) override { lines.emplace_back(line); }

    void run_put_off() {
        for (auto const& what : std::exchange(put_off, {})) {
            what();
        }
    }

    bool fail_bind = false;
    bool fail_add_fd = false;
    std::string folder;
    std::map<evtchn_port, std::function<void()>> bound;
    std::map<evtchn_port, unsigned> notified;
    std::map<int, std::function<void()>> fds;
    std::map<int, bool> is_to_write;
    std::vector<std::function<void()>> put_off;
    std::vector<std::string> lines;

private:
    transport::doors& doors_;
};

} // namespace xenpp::fakes
