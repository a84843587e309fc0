// SPDX-License-Identifier: Apache-2.0
// Any text in the exact dialect; and edited: the key then says what was asked, the others what
// they said before.
#include <xenpp/config/edit.hpp>
#include <xenpp/config/lookup.hpp>
#include <xenpp/config/parse.hpp>

#include <fakes/must.hpp>

#include <cstdint>
#include <string_view>

namespace {

using namespace xenpp::config;
using xenpp::fakes::must;

/// The settings of a file without those of one key.
std::vector<setting> others(file const& f, std::string_view key) {
    std::vector<setting> out;
    for (auto const& s : f.settings) {
        if (s.key != key) {
            out.push_back(s);
        }
    }
    return out;
}

void check_edit(std::string_view text, std::string_view key, value const& to) {
    auto const before = parse(text, "fuzz");
    auto const edited = set_key(text, key, to);
    must(edited.has_value() == !before.diagnostics.has_errors());
    if (!edited) {
        return;
    }
    auto const after = parse(*edited, "edited");
    must(!after.diagnostics.has_errors());
    must(others(before.ast, key) == others(after.ast, key));
    value said;
    for (auto const& s : after.ast.settings) {
        said = s.key == key ? s.value : said;
    }
    must(said == to);
    auto const removed = remove_key(*edited, key);
    must(removed.has_value());
    must(parse(*removed, "removed").ast.settings == others(before.ast, key));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const exact = parse(text, "fuzz", dialect::exact);
    static_cast<void>(exact.diagnostics.message());
    static_cast<void>(lookup::of(exact.ast, dialect::exact));
    check_edit(text, "a", value{std::string("new"), {}});
    std::vector<value> items{{std::string("1"), {}}, {std::string("b"), {}}};
    check_edit(text, "a", value{std::move(items), {}});
    return 0;
}
