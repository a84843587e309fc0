// SPDX-License-Identifier: Apache-2.0
// From words and modules to running domains.
#include "boot/first_domains.hpp"

#include "machine.hpp"

#include <xenpp/hv/first_console.hpp>
#include <xenpp/hv/first_domain.hpp>

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
    auto const give = [](memory_range const& r) {
        (void)!machine().frames.add(to_mfn(maddr(r.base)), r.size >> page_shift, false);
    };
    for (unsigned i = 0; i < info.module_count; ++i) {
        give(info.modules[i].bytes);
    }
    if (info.information.size != 0) {
        give(info.information);
    }
}

} // namespace xenpp::image
