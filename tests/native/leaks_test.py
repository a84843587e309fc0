# SPDX-License-Identifier: Apache-2.0
# Nothing is left behind: rounds of create and destroy, and creators killed at any moment.
import random
import re
import time
import unittest

import bed


def state(dom0):
    """All that domains could leave in Xen, in xenstore and in domain 0's processes."""
    r = dom0.run(f"""
        echo "free $({bed.DEBIAN}xl info free_memory)"
        echo "claims $({bed.DEBIAN}xl info outstanding_claims)"
        {bed.DEBIAN}xl list | tail -n +2 | sed 's/^\\([^ ]*\\) *\\([0-9]*\\).*/domain \\1 \\2/'
        xenstore-ls -fp | sed 's/^/store /'
        {bed.DEBIAN}lsevtchn 0 | wc -l | sed 's/^/channels /'
        for p in xenstored xenconsoled; do
            echo "$p $(ls /proc/$(cat /run/$p.pid)/fd | wc -l) descriptors"
        done
        ls /var/lib/xen /run/xen | sed 's/^/file /'
        ls -d /proc/[0-9]*/exe | while read -r e; do readlink "$e"; done | grep -E '/xl$|/xenppd$' | sort | sed 's/^/process /'
        {bed.DEBIAN}xl dmesg -c >/run/dmesg.old; {bed.DEBIAN}xl debug-keys g; sleep 1
        {bed.DEBIAN}xl dmesg | grep -cE '\\[0x[0-9a-f]+\\]' | sed 's/^/grants /'
        """)
    # Domain 0's own balloon and the time of day move by themselves.
    return [line for line in r.out.splitlines()
            if not re.match(r"store /local/domain/0/(memory|control)|process .*grep", line)]


class LeaksTest(unittest.TestCase):
    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(bed.destroy_guests)

    def settled(self):
        """The state once memory is scrubbed and the monitor has gone."""
        self.dom0.wait("the monitor to end", lambda: self.dom0.run("pidof xenppd", check=False).status != 0)
        last = None
        while last != (last := state(self.dom0)):
            time.sleep(0.5)
        return last

    def rounds(self, count, kind):
        config = bed.config("round", type=kind)
        self.dom0.run(f"{bed.OURS}xl create -q {config} && {bed.OURS}xl destroy round")  # what is made once
        before = self.settled()
        r = self.dom0.run(f"""
            n=0
            while [ $n -lt {count} ]; do
                {bed.OURS}xl create -q {config} || exit 1
                {bed.OURS}xl destroy round || exit 1
                n=$((n + 1))
            done""")
        self.assertEqual(r.status, 0)
        self.assertEqual(self.settled(), before)

    def test_rounds_of_create_and_destroy(self):
        self.rounds(bed.scaled(4, 100), "pvh")
        self.rounds(bed.scaled(2, 20), "pv")

    def test_killed_creators_leave_nothing(self):
        chance = random.Random(bed.SEED)
        config = bed.config("victim", type="pvh")
        self.dom0.run(f"{bed.OURS}xl create -q {config} && {bed.OURS}xl destroy victim")
        before = self.settled()
        start = time.monotonic()
        self.dom0.run(f"{bed.OURS}xl create -q {config} && {bed.OURS}xl destroy victim")
        whole = time.monotonic() - start
        for n in range(bed.scaled(5, 50)):
            micro = int(chance.uniform(0, whole) * 1e6)
            self.dom0.run(f"{bed.OURS}xl create -q -p {config} & usleep {micro}; kill -9 $! 2>/dev/null; wait; "
                          f"pkill -9 xenppd; {bed.OURS}xl list >/dev/null", check=False)
            left = bed.domains().get("victim")
            if left is not None:  # it was complete when the blow came
                r = self.dom0.ours("unpause", "victim", check=False)
                self.assertEqual(r.status, 0, f"round {n}, {micro} us (seed {bed.SEED}): {left}\n{r}")
                self.dom0.ours("destroy", "victim")
            self.assertEqual(self.settled(), before, f"round {n}, {micro} us (seed {bed.SEED})")


if __name__ == "__main__":
    unittest.main()
