# SPDX-License-Identifier: Apache-2.0
# A state folder without room: a clear message, a failure, and nothing left behind.
import os
import resource
import shlex
import signal
import subprocess
import tempfile
import unittest

from bed import PATIENCE, XL, BedTest

# Who may mount depends on the computer: root, anybody in a user namespace, or nobody.
WAYS = (["unshare", "-m"], ["unshare", "-r", "-m"], ["sudo", "-n", "unshare", "-m"])


class FullStateFolder(BedTest):
    def small_folder(self, kib, script):
        """Runs `script` in a shell where $S is a file system of `kib`, and $XL xl; None: none may mount."""
        folder = tempfile.mkdtemp(dir=self.bed.state)
        mount = f"mount -t tmpfs -o size={kib}k,mode=700 small {shlex.quote(folder)}"
        for way in WAYS:
            try:
                may = subprocess.run([*way, "sh", "-c", mount], capture_output=True, timeout=PATIENCE)
            except FileNotFoundError:
                continue
            if may.returncode == 0:
                break
        else:
            return None
        settings = " ".join(f"export {k}={shlex.quote(v)};" for k, v in (
            ("S", folder), ("XENPP_STATE_DIR", folder), ("XL", XL)))
        return subprocess.run([*way, "sh", "-c", f"{mount} || exit 99; {settings} {script}"], text=True,
                              capture_output=True, timeout=PATIENCE, env=self.bed.env)

    def expect_refusal(self, run, *expected):
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        for text in expected:
            self.assertIn(text, run.stderr)
        self.assertEqual(self.bed.processes(self.bed.state), [])

    def test_no_room_at_all(self):
        run = self.small_folder(64, "$XL list; r=$?; ls -A $S; exit $r")
        if run is None:
            self.check_without_mounting()
            return
        self.expect_refusal(run, "full", self.bed.state)
        self.assertEqual(run.stdout, "", "files left in it")

    def test_filled_while_in_use(self):
        """Nothing is begun without room for its end; with room again, all is as it was."""
        config = self.bed.config("guest")
        run = self.small_folder(4096, f"""
            $XL list && before=$($XL info free_memory) || exit 2
            dd if=/dev/zero of=$S/ballast bs=4k 2>/dev/null
            $XL create -q {config} && {{ echo created in a full folder; exit 3; }}
            rm $S/ballast
            [ "$($XL info free_memory)" = "$before" ] || exit 4
            $XL create -q {config} && $XL list && $XL destroy guest || exit 5
            $XL host stop""")
        if run is None:
            return  # test_no_byte_may_be_written is for computers where nobody may mount
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("is full", run.stderr)
        self.assertIn("No space left on device", run.stderr)
        self.assertEqual(run.stdout.count("guest"), 1, run.stdout)
        self.assertEqual(self.bed.processes(self.bed.state), [])

    def check_without_mounting(self):
        """Where nobody may mount, no file may grow: what a full disk looks like once it is in use."""
        def allow_no_byte():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        run = subprocess.run([XL, "list"], env=self.bed.env, text=True, capture_output=True,
                             timeout=PATIENCE, preexec_fn=allow_no_byte, restore_signals=False)
        self.expect_refusal(run, "File too large")

    def test_no_byte_may_be_written(self):
        self.check_without_mounting()


if __name__ == "__main__":
    unittest.main()
