// SPDX-License-Identifier: Apache-2.0
// Generated configuration files: our exact dialect accepts, refuses and reads what libxlutil does.
#include "oracle/oracle.hpp"

#include <xenpp/config/lookup.hpp>
#include <xenpp/config/parse.hpp>

#include <catch2/catch.hpp>

#include <cerrno>

namespace {

using namespace xenpp::config;

constexpr std::string_view keys[] = {"a", "b", "ab", "a.b", "c_1"};

std::string show(std::string_view text) {
    return "'" + oracle::shown(text) + "'";
}

std::string show(value const& v) {
    if (!v.is_list()) {
        return show(v.text());
    }
    std::string out = "[";
    for (auto const& item : v.list()) {
        out += show(item) + ",";
    }
    return out + "]";
}

std::string show(XLU_Config const* c, XLU_ConfigValue* v) {
    if (xlu_cfg_value_type(v) == XLU_STRING) {
        char* text = nullptr;
        return xlu_cfg_value_get_string(c, v, &text, 1) == 0 ? show(std::string_view(text)) : "?";
    }
    XLU_ConfigList* list = nullptr;
    if (xlu_cfg_value_get_list(c, v, &list, 1) != 0) {
        return "?";
    }
    std::string out = "[";
    for (int i = 0; auto* const item = xlu_cfg_get_listitem2(list, i); ++i) {
        out += show(c, item) + ",";
    }
    return out + "]";
}

std::string theirs(std::string const& text) {
    auto const c = oracle::make_config();
    if (xlu_cfg_readdata(c.get(), text.data(), static_cast<int>(text.size())) != 0) {
        return "refused";
    }
    std::string out;
    for (auto key : keys) {
        std::string const name(key);
        char const* string = nullptr;
        long number = 0;
        XLU_ConfigList* list = nullptr;
        int const as_string = xlu_cfg_get_string(c.get(), name.c_str(), &string, 1);
        int const as_number = xlu_cfg_get_long(c.get(), name.c_str(), &number, 1);
        int const as_list = xlu_cfg_get_list(c.get(), name.c_str(), &list, nullptr, 1);
        out += name + ": ";
        out += as_string == 0 ? show(std::string_view(string)) : std::to_string(as_string);
        out += as_number == 0 ? " " + std::to_string(number) : " E" + std::to_string(as_number);
        out += as_list == 0 ? " [" : " " + std::to_string(as_list);
        for (int i = 0; as_list == 0; ++i) {
            auto* const item = xlu_cfg_get_listitem2(list, i);
            if (item == nullptr) {
                break;
            }
            out += show(c.get(), item) + ",";
        }
        out += "\n";
    }
    return out;
}

int number_of(lookup_fault f) {
    switch (f) {
    case lookup_fault::absent: return ESRCH;
    case lookup_fault::wrong_form: return EINVAL;
    case lookup_fault::out_of_range: return ERANGE;
    }
    return 0;
}

std::string ours(std::string const& text) {
    auto const parsed = parse(text, "t", dialect::exact);
    if (parsed.diagnostics.has_errors()) {
        return "refused";
    }
    auto const settings = lookup::of(parsed.ast, dialect::exact);
    if (!settings) {
        return "refused";
    }
    std::string out;
    for (auto key : keys) {
        auto const as_string = settings->text(key);
        auto const as_number = settings->number(key);
        auto const as_list = settings->list(key);
        out += std::string(key) + ": ";
        out += as_string ? show(*as_string) : std::to_string(number_of(as_string.error()));
        out += as_number ? " " + std::to_string(*as_number)
                         : " E" + std::to_string(number_of(as_number.error()));
        out += as_list ? " [" : " " + std::to_string(number_of(as_list.error()));
        if (as_list) {
            for (auto const& item : *as_list) {
                out += show(item) + ",";
            }
        }
        out += "\n";
    }
    return out;
}

class file_generator : public oracle::generator {
public:
    using generator::generator;

    std::string file() {
        std::string out;
        for (std::size_t n = below(6); n > 0; --n) {
            out += statement();
        }
        // A byte of 0 inside a string ends the process of whoever uses libxlutil: none is made.
        return chance(2) ? out
                         : damage(std::move(out), 4,
                                  "\"'\\\n\r\t #;,[]=+-.():{}%@AZaz_09xf\x7f\xc3\xa9\xef\xbb\xbf");
    }

private:
    std::string statement() {
        constexpr std::string_view odd[] = {"\n", ";", "# c\n",      "  \n",  ";;",  "#\n",
                                            "\t", "x", "import a\n", "(1)\n", "\r\n"};
        constexpr std::string_view operators[] = {"=", " = ", "+=", " += ", "=\t", "= ", "=="};
        constexpr std::string_view ends[] = {"\n", "\n", "\n", ";", "; ", " # c\n", "", " ", "#"};
        if (chance(5)) {
            return std::string(pick(odd));
        }
        auto const op = pick(operators);
        auto const* const end = std::begin(ends) + below(std::size(ends));
        return std::string(keys[below(std::size(keys))]) + std::string(op) + make_value(0) +
               std::string(chance(3) ? std::string_view("\n") : *end);
    }

    std::string make_value(unsigned depth) {
        constexpr std::string_view numbers[] = {"1",
                                                "0",
                                                "10",
                                                "010",
                                                "08",
                                                "0x1f",
                                                "0x",
                                                "1e3",
                                                "1a",
                                                "99999999999999999999",
                                                "9223372036854775807",
                                                "9223372036854775808",
                                                "1x",
                                                "xf"};
        std::size_t const kind = below(10);
        if (kind < 3) {
            return std::string(pick(numbers));
        }
        if (kind < 7 || depth > 4) {
            return string();
        }
        constexpr std::string_view gaps[] = {"", "", " ", "\n", "\n\n", " # c\n", "\t"};
        std::string out = "[" + std::string(pick(gaps));
        for (std::size_t n = below(4); n > 0; --n) {
            out += make_value(depth + 1) + std::string(pick(gaps));
            if (n > 1 || chance(4)) {
                out += "," + std::string(pick(gaps));
            }
        }
        return out + "]";
    }

    std::string string() {
        constexpr std::string_view pieces[] = {
            "a",     "1",     "-1",    "0x10",   " ",        "x y",   "#",   ";",
            "[",     "]",     ",",     "\\n",    "\\\\",     "\\\"",  "\\'", "\\t",
            "\\a",   "\\v",   "\\q",   "\\x41",  "\\x",      "\\101", "\\0", "\\12",
            "\\1 2", "\\377", "\\1+2", "\\7-34", "\xc3\xa9", "\t",    "\\8", "\\\\\\"};
        char const quote = chance(2) ? '"' : '\'';
        std::string out(1, quote);
        for (std::size_t n = below(4); n > 0; --n) {
            out += chance(6) ? (quote == '"' ? "'" : "\"") : std::string(pick(pieces));
        }
        return out + quote;
    }
};

} // namespace

TEST_CASE("oracle.files_are_read_as_libxlutil_reads_them") {
    file_generator make(oracle::seed());
    std::uint64_t accepted = 0;
    for (std::uint64_t i = 0; i < oracle::inputs(); ++i) {
        auto const text = make.file();
        auto const expected = theirs(text);
        accepted += expected == "refused" ? 0U : 1U;
        if (ours(text) != expected) {
            INFO(show(std::string_view(text)));
            CHECK(ours(text) == expected);
        }
    }
    CHECK(accepted > oracle::inputs() / 5); // the generator makes good files too
    CHECK(accepted < oracle::inputs() * 9 / 10);
}

// One character that begins no token is passed over at the very end of a text.
TEST_CASE("oracle.ends_of_files_are_read_as_libxlutil_reads_them") {
    for (int c = 1; c < 256; ++c) {
        for (std::string text : {"", "a=1", "a=1\n", "a=1;", "a=[1", "a=[1]", "a=", "a", "a='x'"}) {
            text += static_cast<char>(c);
            INFO(show(std::string_view(text)));
            CHECK(ours(text) == theirs(text));
        }
    }
}

TEST_CASE("oracle.lists_are_nested_as_deep_as_libxlutil_nests_them") {
    for (std::string const item : {"", "1,", "\n", "1,\n", "1\n,"}) {
        for (std::size_t depth :
             {1000U, 1996U, 1997U, 1998U, 1999U, 2000U, 4994U, 4995U, 4996U, 4997U, 4998U}) {
            std::string text = "a=";
            for (std::size_t i = 0; i < depth; ++i) {
                text += "[" + item;
            }
            text += "1" + std::string(depth, ']');
            bool const expected = theirs(text) != "refused";
            INFO(show(std::string_view(item)) << " " << depth);
            CHECK(!parse(text, "t", dialect::exact).diagnostics.has_errors() == expected);
        }
    }
}
