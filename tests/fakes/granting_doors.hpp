// SPDX-License-Identifier: Apache-2.0
// A domain that grants pages, without a hypervisor: what it granted is mapped and copied.
#pragma once

#include "fakes/scripted_doors.hpp"

#include <xenpp/os/mapping.hpp>
#include <xenpp/os/unique_fd.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>

namespace xenpp::fakes {

/// Pages in a file, a grant each unless the test says otherwise, and the count of what is held.
class granting_doors final : public scripted_doors, private transport::mapping_keeper {
public:
    explicit granting_doors(std::size_t pages) : fd_(::memfd_create("guest", MFD_CLOEXEC)) {
        static_cast<void>(!::ftruncate(fd_.get(), static_cast<off_t>(pages * page_size)));
        memory_ =
            os::mapping::of_file(fd_.get(), 0, pages * page_size, os::access::read_write).value();
        for (std::uint32_t i = 0; i != pages; ++i) {
            granted[grant_ref(i)] = i;
        }
    }

    std::byte* page(std::size_t n) const noexcept { return memory_.data() + n * page_size; }

    std::size_t page_count() const noexcept { return memory_.size() / page_size; }

    result<transport::foreign_mapping>
    map_grants(domid, std::span<grant_ref const> refs, os::access access) override {
        ++map_calls;
        auto pages = XENPP_TRY(os::mapping::reserve(refs.size() * page_size));
        for (std::size_t i = 0; i != refs.size(); ++i) {
            auto const found = granted.find(refs[i]);
            bool const is_writable = !read_only.contains(refs[i]);
            if (found == granted.end() || (access == os::access::read_write && !is_writable)) {
                return fail("map grants", EINVAL, "grant " + std::to_string(refs[i].raw()));
            }
            XENPP_TRY(pages.place(i * page_size, fd_.get(), found->second * page_size, page_size,
                                  access));
        }
        ++mapped;
        if (on_map) {
            on_map({pages.data(), pages.size()}, refs);
        }
        return transport::foreign_mapping(*this, mapped, std::move(pages));
    }

    result<void> copy_grants(domid, std::span<transport::grant_copy> pieces) override {
        ++copy_calls;
        for (auto& p : pieces) {
            if (p.offset > page_size || p.local.size() > page_size - p.offset) {
                return fail("copy grants", EINVAL);
            }
            auto const found = granted.find(p.ref);
            p.is_done = found != granted.end() && !(p.to_grant && read_only.contains(p.ref));
            if (!p.is_done) {
                continue;
            }
            auto* const at = page(found->second) + p.offset;
            std::memcpy(p.to_grant ? at : p.local.data(), p.to_grant ? p.local.data() : at,
                        p.local.size());
            if (on_copy) {
                on_copy();
            }
        }
        return {};
    }

    std::map<grant_ref, std::uint32_t> granted; ///< to the page
    std::set<grant_ref> read_only;
    std::function<void()> on_copy; ///< the guest does something meanwhile
    std::function<void(std::span<std::byte>, std::span<grant_ref const>)> on_map;
    std::uint32_t mapped = 0; ///< mappings that are held
    unsigned map_calls = 0;
    unsigned copy_calls = 0;

private:
    void unmap(std::uint32_t) noexcept override { --mapped; }

    os::unique_fd fd_;
    os::mapping memory_;
};

} // namespace xenpp::fakes
