// SPDX-License-Identifier: Apache-2.0
// DISKSPEC: the items of the key `disk`, and the arguments of block-attach.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/dialect.hpp>
#include <xenpp/dev/vbd/config.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

/// What is wrong with a specification: which part of the text, why, and what to write instead.
struct disk_spec_error {
    std::size_t offset;
    std::size_t length;
    std::string reason;
    std::string hint;
};

/// What COLO, which replicates a running domain to a second host, is told of a disk.
struct colo_disk {
    std::optional<bool> is_on;
    std::string host;
    int port = 0;
    std::string export_name;
    std::string active_disk;
    std::string hidden_disk;
};

/// A disk, and what was noticed on the way. COLO and virtio are read in the exact dialect alone.
struct disk_spec {
    dev::vbd_config disk;
    colo_disk colo;
    std::optional<bool> is_virtio;
    std::vector<std::string> warnings; ///< deprecated spellings, words without effect
};

/// Reads "/dev/vg/root,raw,xvda,w" or "format=qcow2, vdev=xvda, access=rw, target=/a/b.qcow2":
/// the grammar of Xen 4.17's xl, and the formats vmdk, vdi and vhdx. What xl accepts and this host
/// has not got (COLO, virtio, a backend elsewhere, a hotplug script) is refused by
/// `check_supported`, not here. In the exact dialect, what Xen 4.17 reads and nothing else.
expected<disk_spec, disk_spec_error> parse_disk_spec(std::string_view text,
                                                     dialect d = dialect::documented);

/// Nothing, or why a disk that can be asked for cannot be had.
std::string check_supported(dev::vbd_config const& disk);
std::string check_supported(disk_spec const& spec);

/// A specification that reads as an equal disk.
std::string print(dev::vbd_config const& disk);

} // namespace xenpp::config
