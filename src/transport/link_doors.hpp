// SPDX-License-Identifier: Apache-2.0
// The doors that a slot of the machine link opens, for a machine and for the simulation alike.
#pragma once

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/link/link_op.hpp>
#include <xenpp/transport/doors.hpp>
#include <xenpp/transport/hypercall_buffer.hpp>

#include <transport/arena.hpp>
#include <transport/link_client.hpp>
#include <transport/ram_file.hpp>

#include <functional>

namespace xenpp::transport {

/// Hypercalls and memory. What events and xenstore are is left to the two that derive from it.
class link_doors : public doors, private mapping_keeper {
public:
    /// `window`: where this process has the control window, `virtual_base`: where the hypervisor
    /// believes it to be; `slot`: one that it owns.
    link_doors(
        std::byte* window, std::uint64_t virtual_base, unsigned slot, bell& b, ram_file const& ram);

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

    /// Waits for nothing: who sent an event through a port that is gone does not learn of it.
    result<void> send_event(evtchn_port port) override;

    /// Starts with a slot in which nothing is left of its previous owner.
    result<void> reset() { return client_.reset(); }

    /// Rings for what was sent and not taken up.
    void nudge() noexcept { client_.nudge(); }

private:
    struct foreign_request;
    struct foreign_hold;

    result<std::int64_t> link_op(link::link_cmd command, std::uint64_t address);
    result<foreign_hold> hold_foreign_pages(foreign_request const& request);
    result<foreign_mapping> map_foreign_pages(foreign_request const& request);
    result<void> map_foreign_part(foreign_request const& request,
                                  std::size_t first,
                                  std::uint32_t& mapping,
                                  std::vector<link::frame_extent>& extents,
                                  std::size_t& done);
    result<void> copy_grants_part(domid d,
                                  std::span<grant_copy> pieces,
                                  hypercall_buffer<abi::gnttab_copy> const& ops,
                                  hypercall_buffer<std::byte> const& room);
    void unmap(std::uint32_t mapping) noexcept override;

    std::byte* arena_base_;
    std::uint64_t arena_address_;
    std::uint64_t arena_machine_; ///< where the hypervisor has the arena
    arena arena_;
    link_client client_;
    hypercall_memory events_; ///< arguments of events under way, one for each entry of the ring
    ram_file const& ram_;
};

} // namespace xenpp::transport
