// SPDX-License-Identifier: Apache-2.0
// From words and modules to running domains.
#include "boot/first_domains.hpp"

#include "machine.hpp"

#include <xenpp/hv/first_console.hpp>
#include <xenpp/hv/first_domain.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

extern "C" {
extern std::byte const image_start[]; // NOLINT: link.ld
extern std::byte const image_end[];   // NOLINT: link.ld
}

namespace xenpp::image {

namespace {

std::span<std::byte const> module_bytes(boot_info const& info, unsigned n) noexcept {
    if (n >= info.module_count) {
        return {};
    }
    auto const& m = info.modules[n];
    return {direct_map(m.address), m.size};
}

/// Builds one and lets it run. The error is a sentence.
expected<void, char const*> start_one(boot_info const& info, domid id, std::string_view words) {
    auto& m = machine();
    auto const what = XENPP_TRY(hv::parse_first_domain(words));
    bool const has_ramdisk = what.ramdisk != hv::first_domain::no_module;
    if (what.kernel >= info.module_count || (has_ramdisk && what.ramdisk >= info.module_count)) {
        return unexpected("there is no module of that number");
    }
    auto* const d =
        XENPP_TRY(hv::build_first_domain(m, id, what,
                                         {.kernel = module_bytes(info, what.kernel),
                                          .ramdisk = module_bytes(info, what.ramdisk),
                                          .command_line = info.modules[what.kernel].text}));
    auto const console = m.frames.create<hv::first_console<platform>>();
    if (!console || !(*console)->start(*d)) {
        return unexpected("no memory for its console");
    }
    hv::print(m, "d", id, " is ", what.name, ": ", what.memory_mib, " MiB, ", what.vcpus,
              what.vcpus == 1 ? " vCPU" : " vCPUs");
    lock_guard const hold(d->lock);
    (void)!hv::domain_unpause(*d);
    return {};
}

} // namespace

void start_first_domains(boot_info const& info) noexcept {
    constexpr std::string_view option = "domain=";
    auto& m = machine();
    std::string_view rest = info.command_line;
    std::uint16_t next = 1;
    bool has_word = false;
    while (!rest.empty()) {
        auto word = hv::cut(rest, ' ');
        if (!word.starts_with(option)) {
            continue;
        }
        word.remove_prefix(option.size());
        has_word = true;
        if (auto const made = start_one(info, domid(next), word)) {
            m.last_domid = next++;
        } else {
            hv::print(m, "domain=", word, ": ", made.error());
        }
    }
    if (has_word && next == 1 && m.link == nullptr) {
        m.platform.shutdown_machine(false); // nobody is there to do anything else
    }
}

void release_boot_memory(boot_info const& info) noexcept {
    // A loader may put its information, or a module's end, into a page with something else.
    struct piece {
        memory_range range;
        bool is_released;
    };

    std::array<piece, 3 + std::tuple_size_v<decltype(info.modules)>> pieces{};
    unsigned n = 0;
    auto const image = image_physical(image_start);
    pieces[n++] = {{0, 1U << 20}, false};
    pieces[n++] = {{image, image_physical(image_end) - image}, false};
    pieces[n++] = {info.information, true};
    for (unsigned i = 0; i < info.module_count; ++i) {
        pieces[n++] = {info.modules[i].bytes, true};
    }
    std::sort(pieces.begin(), pieces.begin() + n,
              [](piece const& a, piece const& b) { return a.range.base < b.range.base; });
    std::uint64_t at = 0; // all below has been seen to
    for (auto const& p : std::span(pieces.data(), n)) {
        auto const end = (p.range.base + p.range.size + page_size - 1) & page_mask;
        auto const from = std::max(at, p.range.base);
        if (from >= end) {
            continue;
        }
        if (p.is_released) {
            (void)!machine().frames.add(to_mfn(maddr(from)), (end - from) >> page_shift, false);
        }
        at = end;
    }
}

} // namespace xenpp::image
