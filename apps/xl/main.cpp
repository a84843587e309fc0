// SPDX-License-Identifier: Apache-2.0
// xl: manages the domains of a host, with the commands of Xen 4.17's xl.
#include "commands.hpp"

#include <xenpp/cli/command.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    std::vector<std::string> const words(argv + (argc > 0 ? 1 : 0), argv + argc);
    xenpp::cli::session session("xl", stdout, stderr);
    return xenpp::cli::dispatch(session, commands(), words);
}
