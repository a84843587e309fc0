// SPDX-License-Identifier: Apache-2.0
// The requests of a disk that are taken and not answered, in a file that outlives its backend.
#pragma once

#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/os/mapping.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xenpp::dev {

/// What a disk has done, as Xen's tools count it.
struct vbd_statistics {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t flushes = 0;
    std::uint64_t discards = 0;
    std::uint64_t read_sectors = 0;
    std::uint64_t written_sectors = 0;
    std::uint64_t out_of_requests = 0; ///< times the ring was full when it was looked at
    std::uint64_t errors = 0;
};

/// A ring's page forgets a request when an answer takes its place, and answers come in any order.
/// So each request is noted here when it is taken, and crossed off once its answer is out. The file
/// is mapped: a process that is killed between any two instructions leaves what it had noted, and
/// the next one does the rest again. (After a power cut there is no guest to go on.)
///
/// It is ours alone: no guest reaches it.
class vbd_inflight {
public:
    /// A new file for `queues` rings of `entries`. An empty path: memory of this process.
    static result<vbd_inflight>
    create(std::string const& path, std::uint32_t queues, std::uint32_t entries);

    /// The file of an earlier process. An error: it is not there, or not for such rings.
    static result<vbd_inflight>
    open(std::string const& path, std::uint32_t queues, std::uint32_t entries);

    /// The counts in a disk's file, for whoever watches.
    static result<vbd_statistics> read_statistics(std::string const& path);

    vbd_statistics& statistics() noexcept { return head().statistics; }

    /// How many requests of a queue were taken in all, modulo 2^32.
    std::uint32_t taken(std::uint32_t queue) const noexcept;

    /// Notes the next request of a queue; its slot. There is one for each entry of the ring.
    std::uint32_t note(std::uint32_t queue, abi::blkif_request const& raw) noexcept;

    abi::blkif_request const& request(std::uint32_t queue, std::uint32_t slot) const noexcept {
        return at(queue, slot).raw;
    }

    /// The request's answer is put into the ring at `index`, and not shown yet.
    void answered(std::uint32_t queue, std::uint32_t slot, std::uint32_t index) noexcept;

    /// The answers are shown.
    void shown(std::uint32_t queue, std::span<std::uint32_t const> slots) noexcept;

    /// For a successor: crosses off what was answered before ring index `rsp_prod`, and says which
    /// slots are to be done again. Nothing: that cannot be, given how many were taken.
    std::optional<std::vector<std::uint32_t>> recover(std::uint32_t queue, std::uint32_t rsp_prod);

private:
    enum class slot_state : std::uint32_t {
        unused,
        taken,
        answered,
    };

    struct slot_record {
        slot_state state;
        std::uint32_t index; ///< taken: of the request; answered: of the response
        abi::blkif_request raw;
        std::uint64_t pad;
    };

    static_assert(sizeof(slot_record) == 128);

    struct queue_record {
        std::uint32_t taken;
        std::uint32_t pad[15];
    };

    struct header {
        std::uint64_t magic;
        std::uint32_t queues;
        std::uint32_t entries;
        vbd_statistics statistics;
        std::uint8_t pad[48];
    };

    static_assert(sizeof(header) == 128);

    vbd_inflight(os::mapping file, std::uint32_t queues, std::uint32_t entries);

    static std::size_t size_for(std::uint32_t queues, std::uint32_t entries) noexcept;

    header& head() const noexcept { return *reinterpret_cast<header*>(file_.data()); }

    queue_record& queue_at(std::uint32_t queue) const noexcept;
    slot_record& at(std::uint32_t queue, std::uint32_t slot) const noexcept;

    os::mapping file_;
    std::uint32_t entries_;
    std::vector<std::vector<std::uint32_t>> free_; ///< slots, per queue
};

} // namespace xenpp::dev
