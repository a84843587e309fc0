// SPDX-License-Identifier: Apache-2.0
// DISKSPEC: the items of the key `disk`, and the arguments of block-attach.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/dev/vbd/config.hpp>

#include <cstddef>
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

/// A disk, and what was noticed on the way.
struct disk_spec {
    dev::vbd_config disk;
    std::vector<std::string> warnings; ///< deprecated spellings, words without effect
};

/// Reads "/dev/vg/root,raw,xvda,w" or "format=qcow2, vdev=xvda, access=rw, target=/a/b.qcow2":
/// the grammar of Xen 4.17's xl, and the formats vmdk, vdi and vhdx. What xl accepts and this host
/// has not got (COLO, virtio, a backend elsewhere, a hotplug script) is refused by
/// `check_supported`, not here.
expected<disk_spec, disk_spec_error> parse_disk_spec(std::string_view text);

/// Nothing, or why a disk that can be asked for cannot be had.
std::string check_supported(dev::vbd_config const& disk);

/// A specification that reads as an equal disk.
std::string print(dev::vbd_config const& disk);

} // namespace xenpp::config
