// SPDX-License-Identifier: Apache-2.0
// A disk as its user asks for it, and the number that its name stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xenpp::dev {

/// What an image file holds. The numbers are the order of the words of `format=`.
enum class disk_format : std::uint8_t {
    raw,
    qcow,
    qcow2,
    vhd,
    qed,
    empty, ///< no medium
    vmdk,  ///< and on: formats that Xen's xl does not know
    vdi,
    vhdx,
};

/// Who serves a disk. On an embedded host that is xenppd, whatever the word; on a real Xen host the
/// kernel serves what it can unless `qdisk` or `xenpp` asks for xenppd.
enum class disk_backend_type : std::uint8_t {
    automatic,
    phy,
    tap,
    qdisk,
    standalone,
    xenpp, ///< a word that Xen's xl does not know
};

/// A paravirtual disk. The defaults are those of Xen 4.17's disk specifications.
struct vbd_config {
    std::string target; ///< a path, or an NBD URI; empty: no medium
    disk_format format = disk_format::raw;
    std::string vdev; ///< the name that the guest is told: "xvda"
    bool is_read_only = false;
    bool is_cdrom = false;
    std::string backend_domain; ///< empty: domain 0
    disk_backend_type backend_type = disk_backend_type::automatic;
    std::string script; ///< a hotplug script ("block-iscsi")
    bool direct_io_safe = false;
    std::optional<bool> discard; ///< nothing: as the image can

    friend bool operator==(vbd_config const&, vbd_config const&) = default;
};

/// The number of a virtual device: "xvda", "xvdb3", "sda", "hdc", "d2p1", or the number itself.
/// Nothing for what names none.
std::optional<std::uint32_t> parse_vdev(std::string_view text) noexcept;

/// The name that stands for a number: "xvda" for 51712; the number itself where there is none.
std::string vdev_name(std::uint32_t number);

/// The words of `format=` ("qcow2") and `backendtype=` ("qdisk"; empty for automatic).
std::string_view to_string(disk_format f) noexcept;
std::string_view to_string(disk_backend_type t) noexcept;

/// The word that libxl has for it: what is not the kernel's is "qdisk" there.
std::string_view libxl_word(disk_backend_type t) noexcept;

} // namespace xenpp::dev
