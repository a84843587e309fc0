// SPDX-License-Identifier: Apache-2.0
// xen.cfg: the file that Xen's EFI loader reads, and that describes the embedded machine here.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/diagnostic.hpp>
#include <xenpp/config/dialect.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// What one section asks to be booted. Empty: not said.
struct xen_boot {
    std::string section; ///< empty: the file has no sections, or none is chosen
    std::string kernel;  ///< of domain 0: a file, and its command line behind a blank
    std::string ramdisk;
    std::string xsm;
    std::string options; ///< the hypervisor's command line
    std::string video;
    std::string ucode;
    std::string dtb;
    std::string chain; ///< another file, read in place of this one where it has no kernel

    friend bool operator==(xen_boot const&, xen_boot const&) = default;
};

struct loaded_xen_boot : xen_boot {
    diagnostics warnings;
};

/// Reads the file at `path` and takes `section`, or the one that `[global]` `default=` names. In
/// the exact dialect lines end at every control character and a last line without newline is lost,
/// as with Xen 4.17; otherwise blanks around `=` and at the end of a line mean nothing. The error
/// is a file that cannot be read, or a section that is not there.
expected<loaded_xen_boot, diagnostics> load_xen_config(std::string const& path,
                                                       std::string_view section = {},
                                                       dialect d = dialect::documented);

/// The same for a text; `file_name` is only for messages.
expected<loaded_xen_boot, diagnostics> parse_xen_config(std::string_view text,
                                                        std::string_view file_name,
                                                        std::string_view section = {},
                                                        dialect d = dialect::documented);

/// A xen.cfg of one section that reads as an equal choice.
std::string print(xen_boot const& b);

/// What the hypervisor's command line says of an embedded machine, and of what not.
struct xen_options {
    std::optional<std::uint64_t> memory_mib; ///< mem=SIZE
    std::optional<unsigned> cpus;            ///< maxcpus=N
    std::vector<std::string> findings;       ///< one sentence for each option without effect here
};

/// Reads "mem=2G maxcpus=2 guest_loglvl=all". The error is a value that makes no sense.
expected<xen_options, std::string> parse_xen_options(std::string_view options);

/// The folder of xl.conf, xen.cfg and auto/: $XENPP_CONFIG_DIR, else /etc/xen.
std::string config_dir();

} // namespace xenpp::config
