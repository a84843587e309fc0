// SPDX-License-Identifier: Apache-2.0
// One key changes, and nothing else; differences and JSON come back as what they were.
#include <xenpp/config/diff.hpp>
#include <xenpp/config/edit.hpp>
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/lookup.hpp>
#include <xenpp/config/parse.hpp>

#include <catch2/catch.hpp>

using namespace xenpp::config;

namespace {

value text(std::string t) {
    return {std::move(t), {}};
}

value list(std::vector<std::string> texts) {
    std::vector<value> items;
    for (auto& t : texts) {
        items.push_back(text(std::move(t)));
    }
    return {std::move(items), {}};
}

std::string const sample = "# A guest\n"
                           "name = 'x'  # its name\n"
                           "\n"
                           "memory=64;vcpus = 2 # both\n"
                           "disk = [ 'a', # first\n"
                           "         'b', # second\n"
                           "         'c' ]\n"
                           "extra = 'q'\n"
                           "extra += ' r' # more";

domain_config domain(std::string_view more) {
    auto c = parse_domain("name='x'\ntype='pvh'\nkernel='k'\nmemory=64\n" + std::string(more), "t",
                          {}, {dialect::documented, false});
    REQUIRE(c.has_value());
    return *c;
}

} // namespace

TEST_CASE("edit.a_value_changes_in_its_place") {
    auto const e = set_key(sample, "memory", text("128"));
    REQUIRE(e.has_value());
    std::string expected = sample;
    expected.replace(expected.find("64"), 2, "128");
    CHECK(*e == expected);
}

TEST_CASE("edit.setting_what_is_there_changes_nothing") {
    CHECK(set_key(sample, "disk", list({"a", "b", "c"})).value() == sample);
    CHECK(set_key(sample, "name", text("x")).value() == sample);
}

TEST_CASE("edit.items_of_a_list_change_alone") {
    auto const changed = set_key(sample, "disk", list({"a", "z", "c"})).value();
    CHECK(changed.find("'a', # first\n         \"z\", # second\n         'c' ]") !=
          std::string::npos);
    auto const longer = set_key(sample, "disk", list({"a", "b", "c", "d"})).value();
    CHECK(longer.find("'c', \"d\" ]") != std::string::npos);
    auto const shorter = set_key(sample, "disk", list({"a", "c"})).value();
    CHECK(shorter.find("'a', # first\n         'c' ]") != std::string::npos);
    auto const front = set_key(sample, "disk", list({"0", "a", "b", "c"})).value();
    CHECK(front.find("[ 0, 'a', # first") != std::string::npos);
}

TEST_CASE("edit.a_new_key_comes_at_the_end") {
    CHECK(set_key(sample, "cap", text("50")).value() == sample + "\ncap = 50\n");
    CHECK(set_key("", "cap", text("50")).value() == "cap = 50\n");
}

TEST_CASE("edit.appended_parts_are_removed") {
    auto const e = set_key(sample, "extra", text("s")).value();
    CHECK(e.find("extra = \"s\"\n") != std::string::npos);
    CHECK(e.find("+=") == std::string::npos);
}

TEST_CASE("edit.a_key_is_removed_with_its_line") {
    CHECK(remove_key("a=1\nb=2 # c\nd=3\n", "b").value() == "a=1\nd=3\n");
    CHECK(remove_key("a=1;b=2;d=3\n", "b").value() == "a=1;d=3\n");
    CHECK(remove_key("a=1;b=2\n", "b").value() == "a=1\n");
    CHECK(remove_key("a=1\n", "b").value() == "a=1\n");
}

TEST_CASE("edit.a_broken_text_is_not_touched") {
    auto const e = set_key("a = \n", "a", text("1"));
    REQUIRE_FALSE(e.has_value());
    CHECK(e.error().has_errors());
}

// Whatever the lists: the edited text says what was asked, and its comments are all there.
TEST_CASE("edit.every_change_of_a_list_reads_back") {
    for (unsigned from = 0; from < 81; ++from) {
        for (unsigned to = 0; to < 81; ++to) {
            auto const items = [](unsigned n) {
                std::vector<std::string> out;
                for (; n != 0; n /= 3) {
                    out.emplace_back(1, static_cast<char>('a' + n % 3));
                }
                return out;
            };
            std::string source = "x = 1 # one\ny = [";
            for (auto const& i : items(from)) {
                source += " '" + i + "' ,";
            }
            source += " ]\n# end\n";
            auto const e = set_key(source, "y", list(items(to)));
            REQUIRE(e.has_value());
            INFO(source << *e);
            auto const p = parse(*e, "t");
            REQUIRE_FALSE(p.diagnostics.has_errors());
            CHECK(p.ast.settings.back().value == list(items(to)));
            CHECK(e->find("# one") != std::string::npos);
            CHECK(e->find("# end") != std::string::npos);
        }
    }
}

TEST_CASE("diff.names_what_differs_and_what_it_takes") {
    auto const changes = diff(domain("vcpus=2\nvtpm=['backend=a','backend=b']\n"),
                              domain("vcpus=2\nmemory=96\nvtpm=['backend=b']\nhap=0\nuuid="
                                     "'00010203-0405-0607-0809-0a0b0c0d0e0f'\n"));
    REQUIRE(changes.size() == 4);
    CHECK(changes[0].key == "memory");
    CHECK(changes[0].effect == change_effect::hot);
    CHECK(print(changes[0]) == "- memory = 64\n+ memory = 96\n");
    CHECK(changes[1].key == "maxmem");
    CHECK(changes[1].effect == change_effect::reboot);
    CHECK(print(changes[2]) == "+ hap = 0\n");
    CHECK(print(changes[3]) == "- vtpm: \"backend=a\"\n");
    CHECK(diff(domain("cap=5\n"), domain("cap=5\n")).empty());
}

TEST_CASE("json.settings_come_back") {
    auto const c = domain("vcpus=2\nhap=1\ncpus=['0','1-2']\nvnuma=[['size=64','vcpus=0-1']]\n");
    auto const json = to_settings_json(c);
    CHECK(json.find("\"memory\": 64,") != std::string::npos);
    auto const again = parse_domain_json(json, "t", {dialect::documented, false});
    REQUIRE(again.has_value());
    CHECK(static_cast<domain_config const&>(*again) == c);
    CHECK_FALSE(parse_domain_json("[]", "t").has_value());
    CHECK_FALSE(parse_domain_json("{\"A\": 1}", "t").has_value());
    CHECK_FALSE(parse_domain_json("{\"name\": {}}", "t").has_value());
    CHECK_FALSE(parse_domain_json("{\"name\": \"x\", \"memory\": \"y\"}", "t").has_value());
}

TEST_CASE("json.the_schema_has_every_key") {
    auto const schema = json_schema(domain_schema(), "xl.cfg");
    for (auto const& row : domain_schema()) {
        CHECK(schema.find("\"" + std::string(row.key) + "\": {") != std::string::npos);
    }
}
