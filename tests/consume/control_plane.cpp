// SPDX-License-Identifier: Apache-2.0
// The 20-line control plane, as a user of the library writes it.
#include <xenpp/xenpp.hpp>

#include <cstdio>

int main(int, char** argv) {
    auto host = xenpp::host::open().value();
    auto cfg = xenpp::config::load_domain(argv[1]).value();
    auto dom = host.create(cfg).value();
    for (auto vcpu : dom.vcpus()) {
        vcpu.pin(xenpp::cpu_set{0}).value();
    }
    dom.memory().set_target(xenpp::mib{128}).value();
    dom.unpause().value();
    std::puts(to_string(dom.wait_for_shutdown().value()));
    dom.destroy().value();
}
