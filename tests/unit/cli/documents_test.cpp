// SPDX-License-Identifier: Apache-2.0
// Manual pages and completions from a table; the page of machine formats against the fields.
#include <xenpp/cli/documents.hpp>
#include <xenpp/cli/domain_view.hpp>
#include <xenpp/cli/host_view.hpp>
#include <xenpp/cli/top_row.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

using namespace xenpp;
using namespace xenpp::cli;

namespace {

result<int> nothing(session&, arguments const&) {
    return exit_success;
}

constexpr std::array options{option{'a', "all", "", "All."},
                             option{0, "file", "FILE", ".Read it."}};
constexpr std::array commands{
    command{"list", nothing, "[options] [Domain]...", "List domains", options},
    command{"save", nullptr, "", "not there"},
};

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string_view word_of(field_kind k) {
    constexpr std::array<std::string_view, 5> words{"label", "word", "gauge", "counter", "display"};
    return words[static_cast<std::size_t>(k)];
}

std::string row_of(field_info const& f) {
    return fmt::format("\n| {} | {} | {} | ", f.name, f.unit, word_of(f.kind));
}

} // namespace

TEST_CASE("documents.a_manual_page_has_every_command_and_option") {
    auto const page = manual_page("tool", commands);
    CHECK(page.starts_with(".TH tool 1\n.SH NAME\n"));
    CHECK(has(page, ".SS \"list [options] [Domain]...\"\nList domains.\n"
                    ".TP\n\\fB\\-a\\fR, \\fB\\-\\-all\\fR\nAll.\n"
                    ".TP\n\\fB\\-\\-file\\fR \\fIFILE\\fR\n\\&.Read it.\n"));
    CHECK(has(page, ".SS \"save \"\nNot supported: not there.\n"));
}

TEST_CASE("documents.completion_offers_what_works") {
    auto const script = bash_completion("tool", commands);
    CHECK(has(script, "list) options=\"-h --help -a --all --file\"; operand=domain ;;"));
    CHECK_FALSE(has(script, "save"));
    CHECK(script.ends_with("complete -F _xenpp_tool tool\n"));
    constexpr std::array one{command{"tool", nothing, "", "Do it", options}};
    CHECK(has(bash_completion("tool", one), "compgen -W \"-h --help -a --all --file\""));
}

TEST_CASE("documents.the_page_of_machine_formats_has_every_field") {
    std::ifstream in(XENPP_SOURCE_DIR "/docs/machine-formats.md");
    std::ostringstream text;
    text << in.rdbuf();
    auto const page = text.str();
    auto const check = [&page](field_info const& f) {
        if (f.kind != field_kind::display) {
            INFO(row_of(f));
            CHECK(has(page, row_of(f)));
        }
    };
    for (auto const& f : domain_fields()) {
        check(f.info);
    }
    for (auto const& f : vcpu_fields()) {
        check(f.info);
    }
    for (auto const& f : host_fields()) {
        check(f.info);
    }
    for (auto const& c : top_columns()) {
        check(c.field.info);
    }
}
