// SPDX-License-Identifier: Apache-2.0
// The table of hypercalls: who may call what, how a guest's registers are read and written.
#include "exit_fixture.hpp"

#include <xenpp/hv/hypercall_table.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace xenpp;
using namespace xenpp::fakes;
using abi::hypercall;
using kind = hv::exit_action::kind;

namespace {

struct call_fixture : exit_fixture {
    call_fixture() { v.context.long_code = true; }

    std::int64_t call(hypercall n, std::uint64_t a = 0, std::uint64_t b = 0) {
        v.context.rax = static_cast<std::uint64_t>(n);
        v.context.rdi = a;
        v.context.rsi = b;
        CHECK(hv::handle_hypercall(v).what == kind::skip);
        return static_cast<std::int64_t>(v.context.rax);
    }
};

/// docs/hypercalls.md, or what stands in it under a heading.
std::string page(std::string const& heading = {}) {
    std::ifstream file(XENPP_SOURCE_DIR "/docs/hypercalls.md");
    std::stringstream text;
    text << file.rdbuf();
    auto all = text.str();
    if (heading.empty()) {
        return all;
    }
    auto const at = all.find("\n## " + heading + "\n");
    REQUIRE(at != std::string::npos);
    return all.substr(at + 1, all.find("\n## ", at + 1) - at);
}

/// The numbers that follow names: "destroydomain 2, ...".
std::set<unsigned> numbers_in(std::string const& text) {
    std::set<unsigned> out;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (std::isdigit(static_cast<unsigned char>(word.front())) != 0) {
            out.insert(static_cast<unsigned>(std::stoul(word)));
        }
    }
    return out;
}

template <class Rows>
std::set<unsigned> numbers_of(Rows const& rows) {
    std::set<unsigned> out;
    for (auto const& row : rows) {
        out.insert(static_cast<unsigned>(row.cmd));
    }
    return out;
}

std::string_view words_for(hv::caller who) {
    switch (who) {
    case hv::caller::control: return "control";
    case hv::caller::pv: return "PV";
    case hv::caller::hvm: return "PVH";
    case hv::caller::guests: return "PV, PVH";
    case hv::caller::pv_or_control: return "PV, control";
    case hv::caller::anyone: return "all";
    }
    return "?";
}

} // namespace

TEST_CASE("hypercall_table.the_documentation_has_the_same_rows") {
    auto const text = page().substr(0, page().find("\n## "));
    for (auto const& row : hv::hypercall_rows<platform>) {
        auto const line = "\n| " + std::to_string(static_cast<unsigned>(row.number)) + " | " +
                          std::string(row.name) + " | " + std::string(words_for(row.who)) + " | ";
        INFO(line);
        CHECK(text.find(line) != std::string::npos);
    }
    CHECK(std::ranges::count(text, '\n') ==
          std::ranges::count(text.substr(0, text.find("\n| ---")), '\n') + 2 +
              static_cast<std::ptrdiff_t>(hv::hypercall_rows<platform>.size()));
    auto domctls = numbers_of(hv::domctl_rows<platform>);
    domctls.insert(static_cast<unsigned>(abi::domctl_op::createdomain)); // has no domain to find
    CHECK(numbers_in(page("domctl")) == domctls);
    CHECK(numbers_in(page("sysctl")) == numbers_of(hv::sysctl_rows<platform>));
}

TEST_CASE("hypercall_table.numbers_are_unique_and_named") {
    auto const& rows = hv::hypercall_rows<platform>;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK_FALSE(rows[i].name.empty());
        CHECK(rows[i].handler != nullptr);
        for (std::size_t k = 0; k < i; ++k) {
            CHECK(rows[i].number != rows[k].number);
        }
    }
}

TEST_CASE("hypercall_table.only_the_control_domain_controls") {
    call_fixture f;
    for (auto const& row : hv::hypercall_rows<platform>) {
        if (row.who == hv::caller::control) {
            CHECK(f.call(row.number) == to_abi(errc::perm));
        }
    }
    for (auto const n :
         {hypercall::domctl, hypercall::sysctl, hypercall::platform_op, hypercall::arch_7}) {
        CHECK(f.call(n) == to_abi(errc::perm));
    }
}

TEST_CASE("hypercall_table.page_tables_are_for_pv") {
    call_fixture f;
    for (auto const n : {hypercall::mmu_update, hypercall::mmuext_op, hypercall::update_va_mapping,
                         hypercall::set_gdt, hypercall::update_descriptor, hypercall::iret}) {
        CHECK(f.call(n) == to_abi(errc::nosys));
    }
}

TEST_CASE("hypercall_table.unknown_numbers_are_told_so") {
    call_fixture f;
    CHECK(f.call(hypercall::set_trap_table) == to_abi(errc::nosys));
    CHECK(f.call(static_cast<hypercall>(63)) == to_abi(errc::nosys));
    CHECK(f.call(static_cast<hypercall>(64)) == to_abi(errc::nosys));
    f.v.context.rax = ~std::uint64_t{0};
    CHECK(hv::handle_hypercall(f.v).what == kind::skip);
    CHECK(f.v.context.rax == static_cast<std::uint64_t>(to_abi(errc::nosys)));
}

TEST_CASE("hypercall_table.user_mode_and_other_code_sizes_are_refused") {
    call_fixture f;
    f.v.context.cpl = 3;
    CHECK(f.call(hypercall::xen_version) == to_abi(errc::perm));
    f.v.context.cpl = 0;
    CHECK(f.call(hypercall::xen_version) == 0x40011);
    f.v.context.long_code = false;
    CHECK(static_cast<std::int32_t>(f.call(hypercall::xen_version)) == to_abi(errc::nosys));
}

TEST_CASE("hypercall_table.a_multicall_answers_each_and_does_not_nest") {
    call_fixture f;
    std::array<abi::multicall_entry, 3> calls{};
    calls[0].op = static_cast<std::uint64_t>(hypercall::xen_version);
    calls[1].op = static_cast<std::uint64_t>(hypercall::multicall);
    calls[2].op = static_cast<std::uint64_t>(hypercall::domctl);
    std::memcpy(f.m.memory(f.d, 0x2000), calls.data(), sizeof calls);
    CHECK(f.call(hypercall::multicall, 0x2000, calls.size()) == 0);
    std::memcpy(calls.data(), f.m.memory(f.d, 0x2000), sizeof calls);
    CHECK(calls[0].result == 0x40011);
    CHECK(static_cast<std::int64_t>(calls[1].result) == to_abi(errc::inval));
    CHECK(static_cast<std::int64_t>(calls[2].result) == to_abi(errc::perm));
}

TEST_CASE("hypercall_table.a_long_multicall_is_done_in_turns") {
    call_fixture f;
    std::array<abi::multicall_entry, 100> calls{};
    for (auto& c : calls) {
        c.op = static_cast<std::uint64_t>(hypercall::xen_version);
    }
    for (std::size_t i = 0; i < sizeof calls; i += page_size) { // over several pages
        std::memcpy(f.m.memory(f.d, 0x4000 + i), reinterpret_cast<std::byte*>(calls.data()) + i,
                    std::min<std::size_t>(page_size, sizeof calls - i));
    }
    auto& c = f.v.context;
    c.rax = static_cast<std::uint64_t>(hypercall::multicall);
    c.rdi = 0x4000;
    c.rsi = calls.size();
    CHECK(hv::handle_hypercall(f.v).what == kind::resume);
    CHECK(c.rax == static_cast<std::uint64_t>(hypercall::multicall)); // executed again as it stands
    CHECK(c.rsi == 36);
    CHECK(c.rdi == 0x4000 + 64 * sizeof calls[0]);
    CHECK(hv::handle_hypercall(f.v).what == kind::skip);
    CHECK(c.rax == 0);
}

TEST_CASE("hypercall_table.removing_spares_what_others_granted") {
    call_fixture f;
    auto& granter = f.m.add_guest(2);
    auto const frame = f.m.must(hv::get_page(granter, gfn(4))).release();
    f.m.must(hv::p2m_add(f.d, gfn(32), frame, 0));
    abi::remove_from_physmap op{};
    op.domid = domid_self.raw();
    op.gpfn = 32;
    f.m.at<abi::remove_from_physmap>(f.d, 0x2000) = op;
    auto const cmd = static_cast<std::uint64_t>(abi::mem_op::remove_from_physmap);
    CHECK(f.call(hypercall::memory_op, cmd, 0x2000) == to_abi(errc::acces));
    f.m.at<abi::remove_from_physmap>(f.d, 0x2000).gpfn = 8;
    CHECK(f.call(hypercall::memory_op, cmd, 0x2000) == 0);
    CHECK(f.call(hypercall::memory_op, cmd, 0x2000) == to_abi(errc::noent));
}
