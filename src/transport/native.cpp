// SPDX-License-Identifier: Apache-2.0
// Finding out whether there is a Xen beneath.
#include <xenpp/os/file.hpp>
#include <xenpp/transport/native.hpp>

#include <unistd.h>

namespace xenpp::transport::native {

bool available() {
    // A guest may have the device too; only the control domain has the capability.
    if (auto const capabilities = os::read_file("/proc/xen/capabilities")) {
        return capabilities->find("control_d") != std::string::npos;
    }
    return ::access("/dev/xen/privcmd", F_OK) == 0;
}

result<std::unique_ptr<doors>> open() {
    return fail("open Xen host", errc::opnotsupp, "a real Xen host is not supported yet");
}

} // namespace xenpp::transport::native
