#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree to docs/architecture.md: who may include whom, file heads, lengths, folder READMEs."""
import unittest

import rules
from rules import ROOT


class Tree(unittest.TestCase):
    """The real tree."""

    @classmethod
    def setUpClass(cls):
        cls.rules = rules.page()
        cls.sources = list(rules.sources())

    def check(self, faults):
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def check_files(self, check, *more):
        self.check([f for path, text in self.sources for f in check(path, text, *more)])

    def test_there_is_something_to_check(self):
        self.assertGreater(len(self.sources), 200)
        self.assertGreater(len(self.rules.may), 14)
        self.assertTrue(self.rules.trees)
        self.assertTrue(self.rules.foreign)

    def test_the_table_only_points_down(self):
        self.check(self.rules.faults())

    def test_every_include_is_in_the_table(self):
        self.check_files(rules.layering_faults, self.rules)

    def test_foreign_headers_stay_where_they_belong(self):
        self.check_files(rules.foreign_faults, self.rules)

    def test_no_permission_is_unused(self):
        self.check(rules.unused_faults(self.sources, self.rules))

    def test_core_includes_only_cheap_freestanding_headers(self):
        self.check_files(rules.core_faults)

    def test_every_file_says_its_licence_and_what_it_is(self):
        self.check_files(rules.head_faults)

    def test_no_file_is_too_long(self):
        self.check_files(rules.length_faults)
        paths = {path for path, _ in self.sources}
        self.check([f"{p}: listed as long, and not there" for p in rules.LONG_FILES if p not in paths])

    def test_every_folder_has_a_short_readme(self):
        bad = []
        for folder in sorted((ROOT / "include" / "xenpp").iterdir()):
            if not folder.is_dir():
                continue
            readme = folder / "README.md"
            if not readme.exists():
                bad.append(f"include/xenpp/{folder.name}/ has no README.md")
            elif len(readme.read_text().splitlines()) > 60:
                bad.append(f"include/xenpp/{folder.name}/README.md is longer than 60 lines")
        self.check(bad)


class Checks(unittest.TestCase):
    """Each check finds what it is there to find."""

    TABLE = """
| 0 `base/` | words | - |
| 1 `abi/` | data | base |
| 3 `hv/` | policy | abi |
| 8 `*.hpp` | objects | all below |
| `hv/` | abi hv |
| `<boost/>` | src/ |
| `<boost/spirit/>` | src/config/ |
"""

    def setUp(self):
        self.rules = rules.Page(self.TABLE)

    def layering(self, path, header):
        return rules.layering_faults(path, f"#include <{header}>\n", self.rules)

    def test_a_lower_folder_that_is_named_may_be_included(self):
        self.assertEqual(self.layering("include/xenpp/hv/x.hpp", "xenpp/abi/y.hpp"), [])
        self.assertEqual(self.layering("include/xenpp/host.hpp", "xenpp/hv/y.hpp"), [])

    def test_a_higher_or_unnamed_folder_may_not(self):
        self.assertTrue(self.layering("include/xenpp/abi/x.hpp", "xenpp/hv/y.hpp"))
        self.assertTrue(self.layering("src/abi/x.cpp", "xenpp/hv/y.hpp"))
        self.assertTrue(self.layering("include/xenpp/hv/x.hpp", "xenpp/host.hpp"))
        self.assertTrue(self.layering("hv/boot/x.cpp", "xenpp/host.hpp"))

    def test_hv_core_may_not_include_a_vendor(self):
        self.assertTrue(self.layering("include/xenpp/hv/x.hpp", "xenpp/hv/svm/y.hpp"))
        self.assertEqual(self.layering("include/xenpp/hv/svm/x.hpp", "xenpp/hv/svm/y.hpp"), [])

    def test_an_unknown_folder_is_reported(self):
        self.assertTrue(self.layering("include/xenpp/utils/x.hpp", "xenpp/base/y.hpp"))

    def test_a_table_that_points_up_is_reported(self):
        self.assertTrue(rules.Page("| 1 `abi/` | data | hv |\n| 3 `hv/` | policy | abi |").faults())
        self.assertTrue(rules.Page("| 1 `abi/` | data | nothing |").faults())

    def test_foreign_headers(self):
        def faults(path, header):
            return rules.foreign_faults(path, f"#include <{header}>\n", self.rules)
        self.assertTrue(faults("include/xenpp/x.hpp", "boost/any.hpp"))
        self.assertTrue(faults("src/store/x.cpp", "boost/spirit/home/x3.hpp"))
        self.assertEqual(faults("src/config/x.cpp", "boost/spirit/home/x3.hpp"), [])

    def test_unused_permissions_are_reported(self):
        table = rules.Page("| 0 `base/` | a | - |\n| 1 `abi/` | b | base |\n| 8 `*.hpp` | c | all below |\n"
                           "| `hv/` | abi |\n| `<boost/>` | src/ tests/ |")
        used = [("include/xenpp/abi/x.hpp", "#include <xenpp/base/y.hpp>\n"),
                ("hv/x.cpp", "#include <xenpp/abi/x.hpp>\n"),
                ("src/abi/x.cpp", "#include <boost/any.hpp>\n"),
                ("tests/x.cpp", "#include <boost/any.hpp>\n")]
        self.assertEqual(rules.unused_faults(used, table), [])
        for n in (0, 1, 2, 3):
            self.assertEqual(len(rules.unused_faults(used[:n] + used[n + 1:], table)), 1)

    def test_core_headers(self):
        self.assertTrue(rules.core_faults("include/xenpp/hv/x.hpp", "#include <vector>\n"))
        self.assertEqual(rules.core_faults("include/xenpp/store/x.hpp", "#include <vector>\n"), [])

    def test_heads(self):
        spdx = "// SPDX-License-Identifier: Apache-2.0\n"
        self.assertTrue(rules.head_faults("x.hpp", "#pragma once\n"))
        self.assertTrue(rules.head_faults("x.hpp", spdx + "#pragma once\n"))
        self.assertTrue(rules.head_faults("x.hpp", spdx + "// Strings\n#pragma once\n"))
        self.assertEqual(rules.head_faults("x.hpp", spdx + "// What a guest sees of time.\n"), [])

    def test_lengths(self):
        self.assertTrue(rules.length_faults("x.hpp", "\n" * (rules.LINE_LIMIT + 1)))
        self.assertTrue(rules.length_faults(next(iter(rules.LONG_FILES)), "\n"))


if __name__ == "__main__":
    unittest.main()
