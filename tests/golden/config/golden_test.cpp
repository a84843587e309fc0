// SPDX-License-Identifier: Apache-2.0
// Every *.in file gives its *.expect; every row of lexical.table gives what it says.
// XENPP_UPDATE_GOLDEN=1 in the environment rewrites the *.expect files; review the difference.
#include "config/settings.hpp"
#include "fakes/golden.hpp"

#include <xenpp/config/cpupool_config.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/parse.hpp>
#include <xenpp/config/xen_config.hpp>
#include <xenpp/config/xl_config.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <sstream>

namespace {

using namespace xenpp::config;
using xenpp::fakes::contents;

std::filesystem::path const folder = XENPP_SOURCE_DIR "/tests/golden/config";

/// What `lexical-*.in` is compared by: the tree in canonical form, then the findings.
std::string lexical(std::string_view text, std::string const& name) {
    auto const r = parse(text, name);
    return print(r.ast) + "---\n" + r.diagnostics.message();
}

/// What `domain-*.in` is compared by: the configuration as xl.cfg and JSON, or the findings.
std::string domain(std::string const& text, std::string const& name) {
    auto const c = parse_domain(text, name);
    if (!c) {
        return c.error().message();
    }
    std::vector<std::uint32_t> const nodes{0, 0, 1, 1};
    return print(*c) + "---\n" + c->warnings.message() + "---\n" + to_json(*c, nodes);
}

/// What `xl-conf-*.in` is compared by: the configuration, or the findings.
std::string xl_conf(std::string const& text, std::string const& name) {
    auto const c = parse_xl_config(text, name);
    return c ? print(*c) + "---\n" + c->warnings.message() : c.error().message();
}

std::string outcome(std::filesystem::path const& input) {
    auto const name = input.filename().string();
    if (name.starts_with("domain-")) {
        return domain(contents(input), name);
    }
    return name.starts_with("xl-conf-") ? xl_conf(contents(input), name)
                                        : lexical(contents(input), name);
}

/// Undoes the escapes of a table's input column: \n \r \t \\ \xHH.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        char const c = text.at(++i);
        if (c == 'x') {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
    }
    return out;
}

std::string dump(value const& v) {
    std::ostringstream out;
    if (v.is_list()) {
        out << '[';
        for (auto const& item : v.list()) {
            out << (out.str().size() == 1 ? "" : ",") << dump(item);
        }
        out << ']';
        return out.str();
    }
    out << '"' << std::hex;
    for (char c : v.text()) {
        auto const u = static_cast<unsigned char>(c);
        if (u < 0x20 || u > 0x7e || c == '"' || c == '\\') {
            out << "\\x" << (u < 16 ? "0" : "") << static_cast<int>(u);
        } else {
            out << c;
        }
    }
    out << '"';
    return out.str();
}

/// What a table's row is compared by: key=value pairs, `empty`, or `error`.
std::string summary(std::string_view text, dialect d = dialect::documented) {
    auto r = parse(text, "t", d);
    auto const settings = evaluate(r.ast, &r.diagnostics, d);
    if (r.diagnostics.has_errors()) {
        return "error";
    }
    std::string out;
    for (auto const& s : settings) {
        out += (out.empty() ? "" : " ") + std::string(s.key) + "=" + dump(s.value);
    }
    return out.empty() ? "empty" : out;
}

std::vector<std::string> columns(std::string const& row) {
    std::vector<std::string> out;
    std::istringstream in(row);
    for (std::string column; std::getline(in, column, '\t');) {
        out.push_back(column);
    }
    return out;
}

} // namespace

TEST_CASE("golden.inputs_give_what_is_expected") {
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".in") {
            continue;
        }
        auto expect = entry.path();
        expect.replace_extension(".expect");
        xenpp::fakes::check_golden(expect, outcome(entry.path()));
        ++count;
    }
    CHECK(count >= 10);
}

// Columns: input, what Xen 4.17's library made of it (recorded), what we make of it, and why the
// two differ.
TEST_CASE("golden.lexical_behaviours_agree_with_the_table") {
    std::istringstream table(contents(folder / "lexical.table"));
    std::size_t count = 0;
    for (std::string row; std::getline(table, row);) {
        if (row.empty() || row[0] == '%') {
            continue;
        }
        auto const column = columns(row);
        INFO(row);
        REQUIRE((column.size() == 3 || column.size() == 4));
        CHECK(summary(unescape(column[0])) == column[2]);
        CHECK(summary(unescape(column[0]), dialect::exact) == column[1]);
        CHECK((column[1] == column[2]) == (column.size() == 3)); // a difference has its reason
        ++count;
    }
    CHECK(count >= 106);
}

// The samples are promised to work as they stand.
TEST_CASE("golden.samples_load_without_a_finding") {
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(XENPP_SOURCE_DIR "/cfg-samples")) {
        auto const& path = entry.path();
        INFO(path.string());
        if (path.filename() == "xen.cfg") {
            for (std::string_view section : {"", "small", "large"}) {
                auto const boot = load_xen_config(path.string(), section);
                REQUIRE(boot.has_value());
                CHECK(boot->warnings.items.empty());
                auto const options = parse_xen_options(boot->options);
                REQUIRE(options.has_value());
                CHECK(options->findings.empty());
            }
            ++count;
        } else if (path.filename() == "xlcpupool.cfg") {
            auto const pool = load_cpupool(path.string());
            REQUIRE(pool.has_value());
            CHECK(pool->warnings.items.empty());
            ++count;
        } else if (path.filename().string().starts_with("hvm-")) {
            // More than this host has: every finding says so, and there are no others.
            auto const c = load_domain(path.string(), {}, {dialect::lint, false});
            INFO((c ? c->warnings : c.error()).message());
            REQUIRE(c.has_value());
            for (auto const& d : c->warnings.items) {
                CHECK(d.message.find("not supported yet") != std::string::npos);
            }
            ++count;
        } else if (path.extension() == ".cfg") {
            auto const c = load_domain(path.string(), {}, {dialect::lint});
            INFO((c ? c->warnings : c.error()).message());
            REQUIRE(c.has_value());
            CHECK(c->warnings.items.empty());
            ++count;
        } else if (path.filename() == "xl.conf") {
            auto const c = load_xl_config(path.string());
            REQUIRE(c.has_value());
            CHECK(c->warnings.items.empty());
            CHECK(print(*c) == print(xl_config())); // it promises the defaults
            ++count;
        }
    }
    CHECK(count >= 7);
}
