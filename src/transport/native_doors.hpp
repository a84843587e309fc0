// SPDX-License-Identifier: Apache-2.0
// The doors of a Linux control domain: its Xen devices.
#pragma once

#include <xenpp/os/mapping.hpp>
#include <xenpp/os/unique_fd.hpp>
#include <xenpp/transport/native.hpp>

#include <transport/arena.hpp>

#include <cstdint>
#include <list>
#include <map>
#include <utility>

namespace xenpp::transport::native {

/// Pages that the hypervisor may always read and write, in pieces. Grows by chunks; a chunk that
/// came later than the first and is empty goes back.
class buffer_pages {
public:
    /// `fd`: /dev/xen/hypercall.
    explicit buffer_pages(os::unique_fd fd) noexcept : fd_(std::move(fd)) {}

    /// ENOMEM where Linux has no pages.
    result<hypercall_memory> allocate(std::size_t size);
    void release(hypercall_memory const& memory) noexcept;

private:
    struct chunk {
        os::mapping pages;
        arena pieces;
    };

    os::unique_fd fd_;
    std::list<chunk> chunks_;
};

class native_doors final : public doors, private mapping_keeper {
public:
    native_doors(os::unique_fd privcmd, os::unique_fd hypercall, options const& o) noexcept;

    result<std::int64_t> hypercall(unsigned number,
                                   std::array<std::uint64_t, 6> const& arg) override;
    result<hypercall_memory> allocate(std::size_t size) override;
    void release(hypercall_memory const& memory) noexcept override;
    result<foreign_mapping>
    map_foreign(domid d, std::span<gfn const> frames, os::access access) override;
    result<foreign_mapping>
    map_foreign(domid d, gfn first, std::size_t count, os::access access) override;
    result<void> write_foreign(domid d, gpa at, std::span<std::byte const> bytes) override;
    result<foreign_mapping>
    map_grants(domid d, std::span<grant_ref const> refs, os::access access) override;
    result<void> copy_grants(domid d, std::span<grant_copy> pieces) override;
    result<std::unique_ptr<event_channels>> open_event_channels() override;
    std::string store_path() const override;
    std::string description() const override;

private:
    struct granted_pages {
        std::uint64_t index = 0; ///< gntdev's
        std::uint32_t count = 0;
    };

    /// gntdev, opened at first.
    result<int> grant_device();

    /// Foreign pages need nothing but their munmap; granted ones are given back to gntdev.
    void unmap(std::uint32_t mapping) noexcept override;

    os::unique_fd privcmd_;
    buffer_pages buffers_;
    os::unique_fd gntdev_; ///< opened when first needed
    std::map<std::uint32_t, granted_pages> granted_;
    std::uint32_t last_mapping_ = 0;
    options options_;
};

/// Opens one of Linux's Xen devices. The error says what to do about it.
result<os::unique_fd> open_device(std::string_view name, int extra_flags = 0);

/// An ioctl's whole answer, which may be more than an int; negative: an errno.
std::int64_t device_call(int fd, unsigned long number, void* argument) noexcept;

result<std::unique_ptr<event_channels>> open_evtchn_device(options const& o);

} // namespace xenpp::transport::native
