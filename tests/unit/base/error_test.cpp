// SPDX-License-Identifier: Apache-2.0
// What others wrote is shown, and does nothing to the terminal.
#include <xenpp/base/error.hpp>
#include <xenpp/base/printable.hpp>

#include <cerrno>

using namespace xenpp;

TEST_CASE("error.printable_text_has_no_control_characters") {
    struct row {
        std::string text;
        std::string shown;
    };

    row const rows[] = {
        {"plain\ttext\nof two lines", "plain\ttext\nof two lines"},
        {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
        {std::string("nul\0del\x7f\r", 9), "nul\\x00del\\x7f\\x0d"},
        {"Gr\u00fc\u00dfe, \u65e5\u672c, \U0001F600", "Gr\u00fc\u00dfe, \u65e5\u672c, \U0001F600"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"}, // a C1 control in UTF-8
        {"\x9b"
         "31m",
         "\\x9b31m"},                        // and in Latin 1
        {"\xe0\x80\x9b", "\\xe0\\x80\\x9b"}, // longer than need be
        {"\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b"},
        {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
        {"cut \xe6\x97", "cut \\xe6\\x97"},
    };
    for (auto const& r : rows) {
        CHECK(printable(r.text) == r.shown);
        CHECK(printable(r.shown) == r.shown);
    }
    error const e{"detach", EBUSY, "the guest says: \x1b[2J"};
    CHECK(e.message().starts_with("detach: the guest says: \\x1b[2J: "));
}
