// SPDX-License-Identifier: Apache-2.0
// The words that a disk specification's parameters take.
#pragma once

#include <xenpp/dev/vbd/config.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace xenpp::config {

/// The words of an enumeration, with its values.
template <class T>
struct word {
    std::string_view text;
    T value;
};

// clang-format off
inline constexpr std::array formats{
    word<dev::disk_format>{"",      dev::disk_format::raw},
    word<dev::disk_format>{"raw",   dev::disk_format::raw},
    word<dev::disk_format>{"qcow",  dev::disk_format::qcow},
    word<dev::disk_format>{"qcow2", dev::disk_format::qcow2},
    word<dev::disk_format>{"vhd",   dev::disk_format::vhd},
    word<dev::disk_format>{"qed",   dev::disk_format::qed},
    word<dev::disk_format>{"empty", dev::disk_format::empty},
    word<dev::disk_format>{"vmdk",  dev::disk_format::vmdk},
    word<dev::disk_format>{"vdi",   dev::disk_format::vdi},
    word<dev::disk_format>{"vhdx",  dev::disk_format::vhdx},
};
inline constexpr std::size_t formats_of_xen = 7;
inline constexpr std::array backend_types{
    word<dev::disk_backend_type>{"phy",        dev::disk_backend_type::phy},
    word<dev::disk_backend_type>{"tap",        dev::disk_backend_type::tap},
    word<dev::disk_backend_type>{"qdisk",      dev::disk_backend_type::qdisk},
    word<dev::disk_backend_type>{"standalone", dev::disk_backend_type::standalone},
    word<dev::disk_backend_type>{"xenpp",      dev::disk_backend_type::xenpp},
};
inline constexpr std::size_t backend_types_of_xen = 4;
inline constexpr std::array accesses{ // true: read-only
    word<bool>{"",   false},
    word<bool>{"r",  true},
    word<bool>{"ro", true},
    word<bool>{"w",  false},
    word<bool>{"rw", false},
};
inline constexpr std::array specifications{ // true: virtio
    word<bool>{"xen",    false},
    word<bool>{"virtio", true},
};

// clang-format on

} // namespace xenpp::config
