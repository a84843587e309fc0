# SPDX-License-Identifier: Apache-2.0
# Our tools beside Debian's: what they print of the same host in the same second.
import unittest

import bed
import compare


class ToolsTest(unittest.TestCase):
    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def check(self, comparison, fields):
        self.assertEqual(comparison.differences, [])
        self.assertGreaterEqual(comparison.fields, fields)  # not a comparison of nothing

    def test_the_host(self):
        c = compare.Comparison(self.dom0)
        compare.compare_host(c)
        self.check(c, 60)

    def test_domains_of_both_toolstacks(self):
        bed.create("theirs", by=self.dom0.debian, vcpus=2)
        bed.create("ours", by=self.dom0.ours, type="pv", memory=160)
        bed.create("still", "-p", by=self.dom0.ours, maxvcpus=3, cpus=["1", "1-2"])
        self.dom0.debian("vcpu-pin", "theirs", "0", "1", "0")
        c = compare.Comparison(self.dom0)
        compare.compare_domains(c, ["theirs", "ours", "still", "Domain-0"])
        compare.compare_xentop(c)
        self.check(c, 250)


if __name__ == "__main__":
    unittest.main()
