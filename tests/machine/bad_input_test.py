# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear message, a failure, and nothing left behind.
import os
import subprocess
import unittest

from bed import KERNEL, PATIENCE, XL, Bed, BedTest


class BadInput(BedTest):
    def refused(self, *expected, options=(), **keys):
        bed = self.bed
        before = bed.info("free_memory")
        store = bed.store("xenstore-ls", "-f", "/")
        r = bed.xl("create", *options, bed.config("bad", **keys), check=False)
        self.assertNotEqual(r.returncode, 0, r.stdout + r.stderr)
        for text in expected:
            self.assertIn(text, r.stderr)
        self.assertEqual(bed.domains(), {})
        self.assertEqual(bed.info("free_memory"), before)
        self.assertEqual(bed.store("xenstore-ls", "-f", "/"), store)

    def write(self, name, data):
        path = os.path.join(self.bed.state, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def test_kernels_that_are_none(self):
        with open(KERNEL, "rb") as f:
            kernel = f.read()
        self.refused("/nowhere/vmlinuz", kernel="/nowhere/vmlinuz")
        self.refused("not a kernel", kernel=self.write("text", b"hello\n" * 1000))
        self.refused("truncated", kernel=self.write("short", kernel[:len(kernel) // 2]))
        arm = bytearray(b"\x7fELF\x02\x01\x01" + bytes(9)) + (2).to_bytes(2, "little") + (
            183).to_bytes(2, "little") + bytes(44)
        self.refused("architecture", kernel=self.write("arm", bytes(arm)))
        self.refused("/nowhere/ramdisk", ramdisk="/nowhere/ramdisk")

    def test_too_much_memory(self):
        self.refused("memory", memory=1 << 20)

    def test_too_little_memory(self):
        self.refused("MiB", memory=16)

    def test_syntax(self):
        path = self.write("syntax.cfg", b'name = "x"\nmemory = = 3\n')
        r = self.bed.xl("create", path, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("syntax.cfg:2:", r.stderr)

    def test_duplicate_name(self):
        self.bed.create("twin")
        r = self.bed.xl("create", self.bed.config("twin"), check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("twin", r.stderr)
        self.assertEqual(len(self.bed.domains()), 1)
        self.bed.xl("destroy", "twin")


class NoHost(unittest.TestCase):
    def bed(self):
        b = Bed()
        self.addCleanup(b.close)
        return b

    def test_qemu_is_not_installed(self):
        b = self.bed()
        b.env["XENPP_QEMU"] = "/nowhere/qemu-system-x86_64"
        r = b.xl("list", check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("qemu-system-x86", r.stderr)

    def test_unwritable_state_folder(self):
        b = self.bed()
        blocked = os.path.join(b.state, "file")
        with open(blocked, "w", encoding="ascii"):
            pass
        b.env["XENPP_STATE_DIR"] = os.path.join(blocked, "state")
        r = b.xl("list", check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn(blocked, r.stderr)

    def test_machine_that_dies_while_booting(self):
        b = self.bed()
        b.env["XENPP_IMAGE"] = "/bin/true"
        r = b.xl("list", check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertNotEqual(r.stderr.strip(), "")
        self.assertEqual(b.processes(), [])

    def test_second_daemon(self):
        b = self.bed()
        b.xl("list")
        daemon = os.path.join(os.path.dirname(os.path.dirname(XL)), "xenppd/xenppd")
        r = subprocess.run([daemon], env=b.env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("already", r.stderr)
        b.xl("list")


if __name__ == "__main__":
    unittest.main()
