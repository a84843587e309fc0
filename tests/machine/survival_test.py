# SPDX-License-Identifier: Apache-2.0
# The daemon is killed at random moments: no guest notices, nothing is lost.
import os
import random
import re
import signal
import time
import unittest

from bed import BedTest

ROUNDS = int(os.environ.get("XENPP_TEST_KILLS", "8"))  # 100 for the full run


class Survival(BedTest):
    def numbers(self):
        return [int(n) for n in re.findall(r"count (\d+)\r?$", self.bed.log("counter"), re.M)]

    def test_kill_9_of_the_daemon(self):
        bed = self.bed
        bed.create("counter", cmdline="console=hvc0 quiet do=count")
        bed.wait_log("counter", "count 3")
        bed.store("xenstore-write", "/local/domain/0/kept", "yes")
        domid = bed.domains()["counter"][0]
        random.seed(7)
        for n in range(ROUNDS):
            time.sleep(random.uniform(0, 0.4))
            os.kill(bed.pid("xenppd"), signal.SIGKILL)
            time.sleep(random.uniform(0, 0.1))
            before = len(self.numbers())
            self.assertEqual(bed.domains()["counter"][0], domid, f"round {n}")
            self.assertEqual(bed.store("xenstore-read", "/local/domain/0/kept").strip(), "yes")
            bed.wait("the guest to go on counting", lambda: len(self.numbers()) > before + 1)
        seen = self.numbers()
        self.assertEqual(seen, list(range(1, len(seen) + 1)), "lines lost, doubled or out of order")
        bed.xl("shutdown", "-w", "counter")
        bed.wait_gone()


if __name__ == "__main__":
    unittest.main()
