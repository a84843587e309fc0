// SPDX-License-Identifier: Apache-2.0
// A state folder for one test, gone with it.
#pragma once

#include <xenpp/os/state_dir.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace xenpp::tests {

struct temporary_state {
    temporary_state() : where(os::state_dir::open(make()).value()) {}

    temporary_state(temporary_state const&) = delete;
    temporary_state& operator=(temporary_state const&) = delete;

    ~temporary_state() {
        std::error_code ignored;
        std::filesystem::remove_all(where.path(), ignored);
    }

    os::state_dir where;

private:
    static std::string make() {
        std::string path = "/tmp/xenpp-test-XXXXXX";
        return ::mkdtemp(path.data()) != nullptr ? path : std::string();
    }
};

} // namespace xenpp::tests
