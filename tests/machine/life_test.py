# SPDX-License-Identifier: Apache-2.0
# The life of stock guests: boot, shell, several at once, time, the on_* actions, nothing leaked.
import os
import re
import time
import unittest

from bed import PATIENCE, BedTest

STORM_SECONDS = int(os.environ.get("XENPP_TEST_STORM", "20"))  # before, a host lasted 10
ROUNDS = int(os.environ.get("XENPP_TEST_ROUNDS", "5"))  # 50 for the full run


class Boot(BedTest):
    def boot(self, vcpus):
        self.bed.create("one", vcpus=vcpus, cmdline="console=hvc0")
        m = self.bed.wait_log("one", r"GUEST-UP type=(\S+) cpus=(\d+) clock=(\S+)")
        self.assertEqual(m.groups(), ("xen", str(vcpus), "xen"))
        self.assertIn("Booting kernel on Xen PVH", self.bed.log("one"))
        self.bed.type_into("one", "echo answer=$((6*7))")
        self.bed.wait_log("one", r"answer=42")
        self.assertEqual(self.bed.domains()["one"][2], vcpus)
        rows = self.bed.xl("vcpu-list", "one").stdout.splitlines()[1:]
        self.assertEqual(len(rows), vcpus)
        self.bed.xl("shutdown", "-w", "one")
        self.bed.wait_gone()

    def test_one_vcpu(self):
        self.boot(1)

    def test_two_vcpus(self):
        self.boot(2)

    def test_four_vcpus_in_two_domains_on_two_cpus(self):
        for name in ("a", "b"):
            self.bed.create(name, vcpus=2)
        for name in ("a", "b"):
            self.bed.wait_log(name, r"GUEST-UP type=xen cpus=2")
        self.bed.xl("shutdown", "-a", "-w")
        self.bed.wait_gone()

    def test_three_domains_at_once(self):
        for name in ("a", "b", "c"):
            self.bed.create(name)
        for name in ("a", "b", "c"):
            self.bed.wait_log(name, "GUEST-UP")
        self.assertEqual(set(self.bed.domains()), {"a", "b", "c"})
        self.bed.xl("shutdown", "-a", "-w")



class Interrupted(BedTest):
    """Entries and exits by the ten thousand a second, with interrupts at every point of them."""

    def storm(self, kind):
        self.bed.create("busy", type=kind, vcpus=2, ramdisk=self.bed.ramdisk_with("exits"), memory=256)
        self.bed.wait_log("busy", "GUEST-UP")
        self.bed.type_into("busy", f"/exits {STORM_SECONDS}")
        self.bed.wait_log("busy", "EXITS-DONE", STORM_SECONDS + PATIENCE)
        for cpu in ("0", "1"):
            woken = int(self.bed.wait_log("busy", rf"EXITS-CPU{cpu} woken (\d+) times").group(1))
            self.assertGreater(woken, 0)  # how often, is the computer's affair
        self.assertNotRegex(self.bed.log("busy"), r"Oops|BUG|WARNING:|Call Trace")
        self.bed.type_into("busy", "poweroff -f")
        self.bed.wait_gone()

    def test_a_pvh_domain(self):
        self.storm("pvh")

    def test_a_pv_domain(self):
        self.storm("pv")


class Time(BedTest):
    """A guest's clock against ours. Nothing here takes the computer to be quick: a question and its
    answer bound the difference of the clocks by when they came, however late that was."""

    SECONDS = int(os.environ.get("XENPP_TEST_SLEEP", "10"))  # 60 for the full run
    ERROR = SECONDS * 0.01

    def ask(self, command, pattern):
        """Has the guest run `command`: (before, when the answer was there, the match)."""
        self.questions = getattr(self, "questions", 0) + 1
        mark = f"answer{self.questions}"
        tty = self.bed.xl("console", "--path", "timer").stdout.strip()
        before = time.monotonic()
        with open(tty, "w", encoding="ascii") as f:
            f.write(f"echo {mark}'' $({command})\r")
        match = self.bed.wait_log("timer", rf"{mark} {pattern}", every=0.005)
        return before, time.monotonic(), match

    def clock_difference(self):
        """The guest's uptime less our clock: (at least, at most), not much wider than it must be."""
        least, most = -float("inf"), float("inf")
        end = time.monotonic() + PATIENCE
        while most - least > self.ERROR / 2:
            self.assertLess(time.monotonic(), end, "no answer was quick enough to tell the time by")
            before, after, match = self.ask("cut -d' ' -f1 /proc/uptime", r"([\d.]+)")
            uptime = float(match[1])  # in hundredths, rounded down
            least, most = max(least, uptime - after), min(most, uptime + 0.01 - before)
        return least, most

    def test_clock_and_sleep(self):
        self.bed.create("timer", cmdline="console=hvc0 quiet")
        self.bed.wait_log("timer", "GUEST-UP")
        uptime = "cut -d' ' -f1 /proc/uptime"
        first = self.clock_difference()
        began = time.monotonic()
        slept = []
        for _ in range(5):  # a busy computer may wake anybody late, but not every time
            _, _, match = self.ask(f"{uptime}; sleep {self.SECONDS}; {uptime}", r"([\d.]+) ([\d.]+)")
            slept.append(float(match[2]) - float(match[1]))
            if slept[-1] <= self.SECONDS + self.ERROR:
                break
        self.assertGreaterEqual(min(slept), self.SECONDS - 0.02)
        self.assertLessEqual(min(slept), self.SECONDS + self.ERROR, slept)
        last = self.clock_difference()
        drift = max(last[0] - first[1], first[0] - last[1])
        self.assertLessEqual(drift, 0.01 * (time.monotonic() - began), "the guest's clock runs astray")

    def test_clock_never_steps_back(self):
        self.bed.create("timer", cmdline="console=hvc0 quiet", vcpus=2)
        self.bed.wait_log("timer", "GUEST-UP")
        _, _, match = self.ask("p=0; b=0; i=0; while [ $i -lt 300 ]; do n=$(date +%s%N); "
                               "[ $n -lt $p ] && b=$((b+1)); p=$n; i=$((i+1)); done; echo $b of $i",
                               r"(\d+) of 300")
        self.assertEqual(match[1], "0")


class NothingLeaks(BedTest):
    def test_rounds_of_create_and_shutdown(self):
        bed = self.bed
        bed.create("round")
        bed.wait_log("round", "GUEST-UP")
        bed.xl("shutdown", "-w", "round")

        def measure():
            fds = len(os.listdir(f"/proc/{bed.pid('xenppd')}/fd"))
            store = bed.store("xenstore-ls", "-f", "/")
            # What tells rounds apart by design: the domain counter.
            return bed.info("free_memory"), fds, store, sorted(bed.processes())

        def settle(wanted=None):
            """What is measured once it is `wanted`, or twice the same; else what is last."""
            bed.wait_gone()
            end = time.monotonic() + PATIENCE
            last = wanted or measure()
            while True:
                time.sleep(1)
                now = measure()
                if now == last or time.monotonic() > end:
                    return now
                last = wanted or now

        before = settle()
        for _ in range(ROUNDS):
            bed.create("round")
            bed.wait_log("round", "GUEST-UP", count=1)
            bed.xl("shutdown", "-w", "round")
        after = settle(before)
        self.assertEqual(before[0], after[0], "free memory")
        self.assertEqual(before[1], after[1], "file descriptors of xenppd")
        self.assertEqual(before[2], after[2], "xenstore")
        self.assertEqual(before[3], after[3], "processes")


class Actions(BedTest):
    """on_poweroff, on_reboot, on_crash, each with each action."""

    EVENTS = {"on_poweroff": "poweroff", "on_reboot": "reboot", "on_crash": "panic"}

    def run_action(self, event, action):
        bed = self.bed
        name = f"{event[3:]}-{action}"
        bed.create(name, cmdline=f"console=hvc0 quiet do={self.EVENTS[event]}", memory=96,
                   **{event: action})
        domid = bed.domains().get(name, (None,))[0]
        if action == "destroy":
            bed.wait(f"{name} to be gone", lambda: name not in bed.domains())
        elif action == "restart":
            bed.wait(f"{name} to be another domain",
                     lambda: bed.domains().get(name, (domid,))[0] not in (domid, None))
            bed.xl("destroy", name)
        elif action == "preserve":
            bed.wait(f"{name} to be kept", lambda: re.search("[sc]", bed.domains()[name][3]))
            self.assertEqual(bed.domains()[name][0], domid)
            bed.xl("destroy", name)
        else:
            bed.wait(f"{name} to be renamed and started anew", lambda: len(
                [d for d in bed.domains() if d.startswith(name)]) >= 2)
            self.assertIn(name, bed.domains())
            for d in [d for d in bed.domains() if d.startswith(name)]:
                bed.xl("destroy", d, check=False)
        for d in list(bed.domains()):
            bed.xl("destroy", d, check=False)


def add_action_tests():
    for event in Actions.EVENTS:
        for action in ("destroy", "restart", "rename-restart", "preserve"):
            def test(self, event=event, action=action):
                self.run_action(event, action)
            setattr(Actions, f"test_{event}_{action.replace('-', '_')}", test)


add_action_tests()

if __name__ == "__main__":
    unittest.main()
