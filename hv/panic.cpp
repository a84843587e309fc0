// SPDX-License-Identifier: Apache-2.0
// The end of a hypervisor that has found itself broken.
#include "machine.hpp"
#include "platform/cpu.hpp"

namespace xenpp::image {

void panic(std::string_view why) noexcept {
    hv::print(machine(), "Panic on CPU ", this_percpu().id, ": ", why);
    halt_forever();
}

} // namespace xenpp::image
