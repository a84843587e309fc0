// SPDX-License-Identifier: Apache-2.0
// Finding and reading all pages of a domain.
#include "host/core_pages.hpp"

#include <xenpp/ctl/frame_list.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace xenpp::detail {
namespace {

constexpr std::string_view operation = "find domain's memory";
constexpr std::size_t page_size = 4096;
constexpr std::size_t entries = page_size / sizeof(std::uint64_t);
constexpr std::size_t run = 256; ///< pages mapped at once

bool is_present(std::uint64_t type) noexcept {
    return (type & abi::domctl_pfinfo_ltab_mask) != abi::domctl_pfinfo_xtab;
}

/// Guest frames that have memory behind them.
result<std::vector<core_page>> find_hvm_pages(ctl::connection& c, domid d) {
    constexpr std::uint64_t at_once = 1024;
    auto const end = XENPP_TRY(ctl::maximum_gfn(c, d)) + 1;
    std::vector<core_page> out;
    for (std::uint64_t first = 0; first < end; first += at_once) {
        auto const n = std::min(at_once, end - first);
        auto const types = XENPP_TRY(ctl::get_frame_types(c, d, gfn(first), n));
        for (std::uint64_t i = 0; i != n; ++i) {
            if (is_present(types[i])) {
                out.push_back({first + i, gfn(first + i)});
            }
        }
    }
    return out;
}

/// One page of a PV guest's tables, as it is now.
result<std::array<std::uint64_t, entries>> read_table(session& s, domid d, std::uint64_t frame) {
    auto const page = XENPP_TRY(s.doors().map_foreign(d, gfn(frame), 1, os::access::read_only));
    std::array<std::uint64_t, entries> out{};
    std::memcpy(out.data(), page.data(), page_size);
    return out;
}

/// A PV guest's table of machine frames, by way of the list of lists that its kernel keeps for
/// those who save it.
result<std::vector<core_page>> find_pv_pages(session& s, abi::domctl_getdomaininfo const& info) {
    domid const d(info.domain);
    auto const shared =
        XENPP_TRY(s.doors().map_foreign(d, gfn(info.shared_info_frame), 1, os::access::read_only));
    abi::shared_info copy{};
    std::memcpy(&copy, shared.data(), sizeof copy);
    auto const& arch = copy.arch;
    if (arch.max_pfn == 0 || arch.pfn_to_mfn_frame_list_list == 0) {
        return fail(operation, EINVAL, "the guest's kernel has not told where its frames are");
    }
    // A guest can claim any number: it gets no more entries than frames it may own.
    auto const end = std::min<std::uint64_t>(arch.max_pfn, std::uint64_t{info.max_pages} * 2);
    std::vector<core_page> out;
    auto const root = XENPP_TRY(read_table(s, d, arch.pfn_to_mfn_frame_list_list));
    for (std::uint64_t pfn = 0; pfn < end;) {
        auto const list = XENPP_TRY(read_table(s, d, root[pfn / entries / entries % entries]));
        for (std::size_t i = 0; i != entries && pfn < end; ++i) {
            auto const table = XENPP_TRY(read_table(s, d, list[i]));
            for (std::size_t e = 0; e != entries && pfn < end; ++e, ++pfn) {
                constexpr std::uint64_t marks = std::uint64_t{3} << 62; // identity and foreign
                if ((table[e] & marks) == 0) {
                    out.push_back({pfn, gfn(table[e])});
                }
            }
        }
    }
    return out;
}

/// Copies what can be mapped of a run, page by page.
void read_each(session& s, domid d, std::span<core_page const> pages, std::byte* to) {
    for (auto const& p : pages) {
        auto const page = s.doors().map_foreign(d, p.frame, 1, os::access::read_only);
        if (page) {
            std::memcpy(to, page->data(), page_size);
        } else {
            std::memset(to, 0, page_size);
        }
        to += page_size;
    }
}

} // namespace

result<std::vector<core_page>> find_core_pages(session& s, abi::domctl_getdomaininfo const& info) {
    bool const is_hvm = (info.flags & abi::dominf_hvm_guest) != 0;
    return is_hvm ? find_hvm_pages(s.hypervisor(), domid(info.domain)) : find_pv_pages(s, info);
}

result<void>
read_core_pages(session& s,
                domid d,
                std::span<core_page const> pages,
                std::function<result<void>(std::size_t, std::span<std::byte const>)> const& take) {
    std::vector<std::byte> copy(run * page_size);
    std::vector<gfn> frames;
    for (std::size_t first = 0; first < pages.size(); first += run) {
        // Others' devices are this thread's too: they have their turn between any two runs.
        s.turn(std::chrono::milliseconds(1));
        auto const part = pages.subspan(first, std::min(run, pages.size() - first));
        frames.clear();
        for (auto const& p : part) {
            frames.push_back(p.frame);
        }
        auto const mapped = s.doors().map_foreign(d, frames, os::access::read_only);
        if (mapped) {
            XENPP_TRY(take(first, mapped->bytes().first(part.size() * page_size)));
        } else {
            read_each(s, d, part, copy.data());
            XENPP_TRY(take(first, std::span(copy).first(part.size() * page_size)));
        }
    }
    return {};
}

} // namespace xenpp::detail
