# SPDX-License-Identifier: Apache-2.0
# A person at a guest's console: xl console, xl create -c, scripts/demo --interactive.
import os
import tempfile
import unittest

from bed import BUILD, XL, BedTest
from terminal import ESCAPE, Terminal

PROMPT = r"# (\x1b\[6n)?$"  # its line editor asks where the cursor is
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


class Interactive(BedTest):
    def terminal(self, *command, **options):
        t = Terminal(command, env=dict(self.bed.env, **options), cwd=ROOT)
        self.addCleanup(t.close)
        return t

    def talk(self, terminal):
        """The guest's shell answers; what was typed is no answer to it."""
        terminal.type("\r")
        terminal.expect(PROMPT)
        terminal.type("echo six-times-seven=$((6*7))\r")
        terminal.expect(r"six-times-seven=42\r?\n")

    def leave(self, terminal):
        terminal.type(ESCAPE)
        self.assertEqual(terminal.wait(), 0, terminal.shown[-2000:])
        self.assertTrue(terminal.is_as_before(), "the terminal's modes")

    def test_console(self):
        self.bed.create("one")
        self.bed.wait_log("one", "GUEST-UP")
        for _ in range(2):  # who leaves may come back
            t = self.terminal(XL, "console", "one")
            self.talk(t)
            self.leave(t)
        self.assertIn("one", self.bed.domains())

    def test_interrupt_goes_to_the_guest(self):
        self.bed.create("one")
        self.bed.wait_log("one", "GUEST-UP")
        t = self.terminal(XL, "console", "one")
        t.type("\r")
        t.expect(PROMPT)
        # What begins says so itself: it has the terminal then, and the shell does not.
        t.type("sh -c \"echo be''gin; while :; do :; done\"\r")
        t.expect(r"begin\r?\n")
        t.type("\x03")
        t.expect(PROMPT)
        self.leave(t)

    def test_create_with_console(self):
        t = self.terminal(XL, "create", "-c", self.bed.config("one", cmdline="console=hvc0"))
        t.expect("Booting kernel on Xen PVH")  # from the guest's first words on
        t.expect("GUEST-UP")
        self.talk(t)
        self.leave(t)
        self.assertIn("one", self.bed.domains())

    def test_console_of_a_guest_that_ends(self):
        t = self.terminal(XL, "create", "-c", self.bed.config("one"))
        t.expect("GUEST-UP")
        self.talk(t)
        t.type("poweroff -f\r")
        self.assertEqual(t.wait(), 0, t.shown[-2000:])
        self.assertTrue(t.is_as_before(), "the terminal's modes")
        self.bed.wait_gone()

    def test_demo(self):
        folder = tempfile.mkdtemp(dir=self.bed.state)
        t = self.terminal(os.path.join(ROOT, "scripts/demo"), "--interactive", TMPDIR=folder,
                          XENPP_BUILD_DIR=BUILD)
        t.expect("xen_version")
        t.expect("GUEST-UP type=xen cpus=2")
        self.talk(t)
        self.leave(t)
        self.assertEqual(os.listdir(folder), [], "the demo's state folder")
        self.assertEqual(self.bed.processes(folder), [], "the demo's host")


if __name__ == "__main__":
    unittest.main()
