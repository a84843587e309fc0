// SPDX-License-Identifier: Apache-2.0
// Runs the attempts that the command line asks for ("only=NAME", or all that a domain survives),
// and prints for each how it ended.
#include "attempt.hpp"

#include <xenpp/abi/grant_table.hpp>
#include <xenpp/abi/memory.hpp>

#include <array>

namespace attack {

mfn own_table(unsigned level) noexcept {
    auto const address = reinterpret_cast<std::uint64_t>(window());
    if (level == 4) {
        return root_table();
    }
    return mfn((entry_of(address, level + 1) & 0x000ffffffffff000) >> xenpp::page_shift);
}

mfn shared_info_frame() noexcept {
    return mfn(start_info().shared_info >> xenpp::page_shift);
}

mfn grant_frame() noexcept {
    static std::uint64_t frame = 0;
    if (frame == 0) {
        abi::gnttab_setup_table s{};
        s.dom = abi::domid_self;
        s.nr_frames = 1;
        s.frame_list.p = to_argument(&frame);
        hypercall(abi::hypercall::grant_table_op, abi::gnttab_op::setup_table, &s, 1);
    }
    return mfn(frame);
}

std::uint64_t machine_frames() noexcept {
    abi::machphys_mapping m{};
    hypercall(abi::hypercall::memory_op, abi::mem_op::machphys_mapping, &m);
    return m.max_mfn + 1;
}

mfn foreign_frame() noexcept {
    constexpr std::uint64_t first = 0x400; // the hypervisor's image lies above 2 MiB
    for (mfn f(first); f.raw() != machine_frames(); ++f) {
        if (!is_memory(f) && f != shared_info_frame() && f != grant_frame()) {
            return f;
        }
    }
    return mfn(first);
}

namespace {

void print_outcome(std::string_view name, outcome o) noexcept {
    print("attempt ");
    print(name);
    switch (o.what) {
    case outcome::kind::refused:
        print(": refused ");
        print_signed(o.number);
        break;
    case outcome::kind::fault:
        print(": fault ");
        print_signed(o.number);
        break;
    case outcome::kind::harmless: print(": harmless"); break;
    case outcome::kind::succeeded: print(": SUCCEEDED"); break;
    }
    print("\n");
}

void run_all(std::span<attempt const> list, std::string_view only) noexcept {
    for (auto const& a : list) {
        if (only.empty() || a.name == only) {
            print_outcome(a.name, a.run());
        }
    }
}

/// The word behind "only=", to the next blank. (find and substr of string_view can throw.)
std::string_view wanted() noexcept {
    constexpr std::string_view key = "only=";
    auto line = command_line();
    while (!line.starts_with(key)) {
        if (line.empty()) {
            return {};
        }
        line.remove_prefix(1);
    }
    line.remove_prefix(key.size());
    std::size_t size = 0;
    while (size != line.size() && line[size] != ' ') {
        ++size;
    }
    return {line.data(), size};
}

} // namespace

} // namespace attack

void guest::test() noexcept {
    using namespace attack;
    auto const only = wanted();
    print("attack begins\n");
    std::array const lists{mapping_attempts(),   table_attempts(),     descriptor_attempts(),
                           processor_attempts(), hypercall_attempts(), sharing_attempts(),
                           root_attempts()};
    for (auto const& list : lists) {
        run_all(list, only);
    }
    if (!only.empty()) {
        run_all(last_attempts(), only);
        run_all(last_root_attempts(), only);
        run_all(last_event_attempts(), only);
    }
    print("attack ends\n");
}
