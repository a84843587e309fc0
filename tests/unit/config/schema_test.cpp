// SPDX-License-Identifier: Apache-2.0
// The tables are whole, and no key of xl.cfg passes without an effect or a word about it.
#include <xenpp/config/json.hpp>
#include <xenpp/config/load.hpp>
#include <xenpp/config/schema.hpp>
#include <xenpp/config/xl_config.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace xenpp::config;

namespace {

std::string const base = "name = 'x'\ntype = 'pvh'\nkernel = 'k'\nmemory = 64\nvcpus = 2\n";

struct special_sample {
    std::string_view key;
    std::string_view text;
};

// Keys whose values have a form of their own.
constexpr special_sample special_samples[] = {
    {"vnuma", "[ [ 'pnode=0', 'size=64', 'vcpus=0-1', 'vdistances=10' ] ]"},
    {"cpuid", "'host,tm=0,family=6'"},
    {"mca_caps", "[ 'lmce' ]"},
    {"viridian", "[ 'base', '!freq' ]"},
    {"rdm", "'strategy=host,policy=relaxed'"},
    {"vfb", "[ 'vnc=1,keymap=de' ]"},
    {"vkb", "[ 'backend-type=qemu,unique-id=k,width=800' ]"},
    {"channel", "[ 'name=c,connection=socket,path=/run/c' ]"},
    {"vtpm", "[ 'backend=tpm' ]"},
    {"p9", "[ 'tag=t,path=/srv,security_model=none' ]"},
    {"pvcalls", "[ 'backend=net' ]"},
    {"vdispl", "[ 'be-alloc=1,connectors=a:800x600;b:1024x768' ]"},
    {"vsnd", "[ [ 'CARD, short-name=c, channels-max=2', 'PCM, name=p, sample-rates=8000;44100', "
             "'STREAM, unique-id=s, type=p, sample-formats=s8;u8' ] ]"},
    {"usbctrl", "[ 'type=pv,version=2,ports=4' ]"},
    {"usbdev", "[ 'hostbus=1,hostaddr=2' ]"},
    {"pci", "[ '0000:03:00.*@1f,permissive=1', 'name=gpu' ]"},
    {"ioports", "[ '2f8-2ff', '3f8' ]"},
    {"iomem", "[ 'fed40,5@10' ]"},
    {"irqs", "[ '11' ]"},
};

special_sample const* find_sample(std::string_view key) {
    auto const at = std::find_if(std::begin(special_samples), std::end(special_samples),
                                 [key](special_sample const& s) { return s.key == key; });
    return at == std::end(special_samples) ? nullptr : &*at;
}

/// A right value for a key that differs from what `base` and the defaults say.
std::string sample(key_schema const& row) {
    std::string const key(row.key);
    if (key == "uuid") {
        return "'00010203-0405-0607-0809-0a0b0c0d0e0f'";
    }
    if (key == "type" || key == "builder") {
        return key == "type" ? "'pv'" : "'generic'";
    }
    if (key == "acpi") {
        return "0";
    }
    if (key == "vcpus" || key == "maxvcpus") {
        return "5";
    }
    if (auto const* const special = find_sample(key)) {
        return std::string(special->text);
    }
    switch (row.kind) {
    case value_kind::text: return "'y'";
    case value_kind::number:
        return key == "maxmem" ? "128" : key == "memory" ? "96" : row.minimum > 2 ? "300" : "2";
    case value_kind::boolean: return row.neutral == "1" ? "0" : "1";
    case value_kind::word: {
        auto const second = word_at(row.words, 2);
        return "'" + std::string(second.empty() ? word_at(row.words, 1) : second) + "'";
    }
    case value_kind::word_or_number: return "'" + std::string(word_at(row.words, 2)) + "'";
    case value_kind::word_or_boolean: return "1";
    case value_kind::text_list:
        return key == "vif" ? "[ '' ]" : key == "disk" ? "[ '/d,raw,xvda,r' ]" : "[ 'y' ]";
    case value_kind::list_list: return "[ [ 'y' ] ]";
    case value_kind::text_or_list: return key.starts_with("cpus") ? "'0'" : "'y'";
    case value_kind::boolean_or_list: return "[ 'y' ]";
    }
    return {};
}

std::string line_of(key_schema const& row) {
    return std::string(row.key) + " = " + sample(row) + "\n";
}

bool speaks_of(diagnostics const& all, std::string_view key) {
    auto const word = "`" + std::string(key) + "`";
    return std::any_of(all.items.begin(), all.items.end(), [&](diagnostic const& d) {
        return d.message.find(word) != std::string::npos;
    });
}

/// In `base` already, another spelling of a key, or held by a model of its own.
bool is_elsewhere(std::string_view key) {
    return word_index("name|kernel|builder|disk|vif", key) >= 0;
}

} // namespace

TEST_CASE("schema.xl_cfg_has_the_158_keys_of_4_17") {
    auto const rows = domain_schema();
    CHECK(std::count_if(rows.begin(), rows.end(),
                        [](key_schema const& r) { return r.since == 417; }) == 158);
}

TEST_CASE("schema.xl_conf_has_the_21_keys_of_4_17") {
    CHECK(xl_schema().size() == 21);
}

TEST_CASE("schema.rows_are_unique_and_documented") {
    for (auto table : {domain_schema(), xl_schema()}) {
        std::set<std::string_view> keys;
        for (auto const& row : table) {
            INFO(row.key);
            CHECK(keys.insert(row.key).second);
            CHECK(row.doc.ends_with('.'));
            CHECK(row.minimum <= row.maximum);
            CHECK(find(table, row.key) == &row);
            bool const has_words = row.kind == value_kind::word ||
                                   row.kind == value_kind::word_or_number ||
                                   row.kind == value_kind::word_or_boolean;
            CHECK((!row.words.empty() || !has_words));
            CHECK_FALSE(to_string(row.kind).empty());
        }
    }
    CHECK(find(domain_schema(), "memmory") == nullptr);
}

TEST_CASE("schema.words_have_numbers") {
    CHECK(word_index("a|b|c", "c") == 2);
    CHECK(word_index("a|b|c", "a|b") == -1);
    CHECK(word_index("", "") == -1);
    CHECK(word_at("a|b|c", 1) == "b");
    CHECK(word_at("a|b|c", 3).empty());
}

TEST_CASE("schema.every_key_has_an_effect_or_is_spoken_of") {
    auto const plain = parse_domain(base, "t");
    REQUIRE(plain.has_value());
    REQUIRE(plain->warnings.items.empty());
    for (auto const& row : domain_schema()) {
        INFO(line_of(row));
        bool const is_in_base = row.key == "name" || row.key == "kernel";
        auto const c = parse_domain(is_in_base ? base : base + line_of(row), "t");
        if (!c) {
            CHECK(row.status == key_status::refused);
            CHECK(speaks_of(c.error(), row.key));
            continue;
        }
        domain_config const& before = *plain;
        domain_config const& after = *c;
        bool const has_effect = is_in_base || !(before == after);
        if (row.status == key_status::acted) {
            CHECK(has_effect);
        } else {
            // Either value asks for nothing that we lack.
            bool const is_always_neutral = row.neutral == "0|1" && (row.guests & guest_pvh) != 0;
            CHECK(speaks_of(c->warnings, row.key) != is_always_neutral);
        }
    }
}

// Also what no host of ours can give a guest is read, kept, and written back.
TEST_CASE("schema.every_key_reaches_the_model_and_comes_back") {
    load_options const anywhere{dialect::documented, false};
    auto const plain = parse_domain(base, "t", {}, anywhere);
    REQUIRE(plain.has_value());
    for (auto const& row : domain_schema()) {
        if (row.status == key_status::ignored || row.since > 417 || is_elsewhere(row.key) ||
            (row.guests & guest_arm) == row.guests) {
            continue;
        }
        auto const text = base + line_of(row);
        INFO(text);
        auto const c = parse_domain(text, "t", {}, anywhere);
        INFO((c ? c->warnings : c.error()).message());
        REQUIRE(c.has_value());
        domain_config const& before = *plain;
        domain_config const& after = *c;
        CHECK_FALSE(before == after);
        auto const again = parse_domain(print(after), "t", {}, anywhere);
        INFO(print(after));
        INFO((again ? again->warnings : again.error()).message());
        REQUIRE(again.has_value());
        CHECK(static_cast<domain_config const&>(*again) == after);
        auto const stored = from_json(to_json(after));
        INFO(to_json(after));
        REQUIRE(stored.has_value());
        CHECK(*stored == after);
    }
}

TEST_CASE("schema.every_xl_conf_key_has_an_effect_or_is_spoken_of") {
    for (auto const& row : xl_schema()) {
        std::string text = line_of(row);
        if (row.key.find("cpumask") != std::string_view::npos) {
            text = std::string(row.key) + " = '0-3'\n";
        } else if (row.kind == value_kind::boolean) {
            text = std::string(row.key) + " = 0\n";
        }
        INFO(text);
        auto const c = parse_xl_config(text, "t");
        REQUIRE(c.has_value());
        bool const is_read = !(static_cast<xl_config const&>(*c) == xl_config());
        CHECK((is_read || row.status == key_status::unsupported));
        CHECK(speaks_of(c->warnings, row.key) == (row.status != key_status::acted));
    }
}
