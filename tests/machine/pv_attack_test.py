# SPDX-License-Identifier: Apache-2.0
# A hostile PV guest: every attempt is refused as it should be, and a neighbour does not notice.
import os
import re
import unittest

from bed import BUILD, BedTest

ATTACK = os.path.join(BUILD, "tests/guest/pv_attack")
COUNT = os.path.join(BUILD, "tests/guest/pv_count")
OUTCOMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attack_outcomes.txt")

# Attempts that are each made by a domain of its own, and how they end; CRASH: the hypervisor ends the
# domain, which is left nothing to go on with; FAULT: a fault that comes outside of any attempt.
CRASH, FAULT = "crash", "unexpected fault 14"
LAST = {
    "xsa213_iret_in_a_multicall": "refused -22",
    "xsa410_tables_left_behind": "harmless",
    "iret_rip_non_canonical": "fault 13",
    "iret_rip_in_the_hypervisor": "fault 14",
    "iret_by_sysret_non_canonical": "fault 13",
    "iret_by_sysret_into_the_hypervisor": "fault 14",
    "iret_cs_of_the_hypervisor": "fault 257",  # the failsafe callback
    "iret_ss_ring_0": "fault 257",
    "iret_rflags_iopl_and_vm": "fault 6",
    "iret_frame_in_the_hypervisor": CRASH,
    "iret_frame_non_canonical": CRASH,
    "fault_on_a_stack_in_the_hypervisor": CRASH,
    "fault_on_a_stack_in_the_direct_map": CRASH,
    "fault_on_a_non_canonical_stack": CRASH,
    "fault_on_a_stack_that_reaches_the_hypervisor": CRASH,
    "fault_on_an_unmapped_stack": CRASH,
    "stack_switch_into_the_hypervisor": CRASH,
    "handler_in_the_hypervisor": FAULT,
    "no_trap_table": CRASH,
    "unmap_the_code_that_runs": FAULT,
    "race_for_a_table": "harmless",
    "roots_changed_by_another_vcpu": "harmless",
    "event_words_in_a_page_table": "harmless",
}


def outcomes():
    """{attempt: set of ends that are right}."""
    found = {}
    with open(OUTCOMES, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                name, ends = line.strip().split(": ", 1)
                found[name] = set(ends.split(" | "))
    return found


class Attack(BedTest):
    def start_neighbours(self):
        self.bed.create("witness", type="pv", kernel=COUNT, ramdisk=None, memory=16)
        self.bed.wait_log("witness", r"count 3\b")

    def count(self):
        return int(re.findall(r"count (\d+)", self.bed.log("witness"))[-1])

    def check_neighbour(self):
        before = self.count()
        self.bed.wait("the neighbour to count on", lambda: self.count() >= before + 5)
        self.assertTrue(self.bed.xl("info", "xen_version").stdout.strip())

    def attack(self, only=None):
        """Runs the guest to its end; what it printed."""
        name = only or "all"
        self.bed.create(name, type="pv", kernel=ATTACK, ramdisk=None, memory=16, vcpus=2,
                        cmdline=f"only={only}" if only else "", on_crash="preserve", on_poweroff="preserve")
        self.bed.wait(f"{name} to end", lambda: re.search("[sc]", self.bed.domains()[name][3]))
        return self.bed.log(name)

    def test_every_attempt_is_refused(self):
        self.start_neighbours()
        said = self.attack()
        self.assertIn("attack ends", said, "an attempt ended the domain:\n" + said[-500:])
        expected = outcomes()
        self.assertGreaterEqual(len(expected), 60)
        actual = dict(re.findall(r"^attempt (\w+): (.*?)\r?$", said, re.MULTILINE))
        wrong = [f"{name}: {actual.get(name, 'did not run')}, not {' or '.join(sorted(right))}"
                 for name, right in expected.items() if actual.get(name) not in right]
        unlisted = sorted(set(actual) - set(expected))
        self.assertEqual(wrong + unlisted, [], "\n" + "\n".join(wrong + unlisted))
        self.check_neighbour()
        self.bed.xl("destroy", "all")

    def test_what_ends_a_domain_ends_only_that(self):
        self.start_neighbours()
        free = None
        for name, end in LAST.items():
            with self.subTest(name):
                said = self.attack(name)
                self.assertIn("attack begins", said)
                crashed = "c" in self.bed.domains()[name][3]
                self.assertEqual(crashed, end == CRASH, said)
                if end == FAULT:
                    self.assertIn(end, said)
                elif end != CRASH:
                    self.assertIn(f"attempt {name}: {end}", said)
                self.bed.xl("destroy", name)
                self.check_neighbour()
                if free is None:
                    free = self.bed.info("free_memory")
                self.bed.wait("its memory to be free again",
                              lambda: self.bed.info("free_memory") == free)


if __name__ == "__main__":
    unittest.main()
