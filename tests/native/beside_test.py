# SPDX-License-Identifier: Apache-2.0
# Disks and network interfaces that xenppd serves beside domain 0's kernel: its kills, its guests'
# restarts, the other toolstack's commands, and what the kernel cannot do.
import os
import re
import shlex
import subprocess
import unittest

import bed
from devices_test import ADDRESS, MAC, DevicesBed

SUM = "sha256sum /dev/xvda | cut -d' ' -f1"


class BesideTest(DevicesBed):
    SERVED_BY = ",backendtype=xenpp"

    def setUp(self):
        super().setUp()
        self.ours, self.debian = self.dom0.ours, self.dom0.debian

    def daemon(self):
        return self.dom0.run("pidof xenppd", check=False).out.strip()

    def life(self, kind):
        path = self.start(self.ours, kind)
        self.assertIn("backend/xenpp-vbd/", self.ours("block-list", "guest").out)
        self.uses_them(path)
        self.dom0.wait("xentop to tell what was read", lambda: re.search(
            r"VBD \S+ +51712 .*RD: +[1-9]", self.dom0.run(f"{bed.OURS}xentop -b -x -i 1").out))
        self.lists_agree(1, 1)
        self.hot(self.ours, self.ours)
        self.debian("shutdown", "-w", "guest")
        self.dom0.wait("the domain to go", lambda: not bed.domains())
        self.nothing_left()

    def test_a_pvh_domain(self):
        self.life("pvh")

    def test_a_pv_domain(self):
        self.life("pv")

    def test_destroyed_by_debians(self):
        self.start(self.ours, "pvh")
        self.debian("destroy", "guest")
        self.dom0.wait("the domain to go", lambda: not bed.domains())
        self.nothing_left()

    def test_a_domain_of_debians_is_served(self):
        path = self.image("late")
        bed.create("guest", by=self.debian, cmdline="console=hvc0 quiet do=disk")
        bed.wait_console("guest", "GUEST-UP")
        self.ours("block-attach", "guest", f"{path},raw,xvda,w{self.SERVED_BY}")
        self.dom0.wait("the guest to have the disk", lambda: self.answer("blockdev --getsize64 /dev/xvda") == "4194304")
        self.assertEqual(self.answer(SUM), self.dom0.run(f"sha256sum {path} | cut -d' ' -f1").out.strip())
        self.debian("shutdown", "-w", "guest")
        self.dom0.wait("the domain to go", lambda: not bed.domains())
        self.nothing_left()

    def test_a_domain_reboots_with_them(self):
        path = self.start(self.ours, "pvh", on_reboot="restart")
        first = bed.domains()["guest"][0]
        self.debian("reboot", "guest")
        self.dom0.wait("another domain of the name", lambda: bed.domains().get("guest", (first,))[0] != first)
        bed.wait_console("guest", "GUEST-UP", count=2)
        self.uses_them(path)

    def test_kill_9_of_the_daemon_amid_writes(self):
        path = self.start(self.ours, "pvh")
        self.answer(f"ifconfig eth0 {ADDRESS}2 netmask 255.255.255.0 up")
        bed.say("guest", "i=0; while [ $i -lt 400 ]; do printf '%08d' $i | dd of=/dev/xvda bs=512 seek=$i "
                "conv=notrunc,sync oflag=direct 2>/dev/null && echo \"acked $i\"; i=$((i+1)); done; echo ALL-\"DONE\"")
        for acked in (20, 120, 220):
            bed.wait_console("guest", rf"acked {acked}\b")
            before = self.daemon()
            self.dom0.run(f"kill -9 {before}")
            self.dom0.wait("it to be gone", lambda pid=before: pid not in self.daemon().split())
            self.ours("list")  # starts another one
            self.dom0.wait("another daemon", self.daemon)
        bed.wait_console("guest", "ALL-DONE")
        for i in (0, 21, 121, 221, 399):
            self.assertIn(f"{i:08d}", self.dom0.run(f"dd if={path} bs=512 skip={i} count=1").out)
        self.assertEqual(self.answer(f"ping -c 3 -w 60 {ADDRESS}1 | grep -c 'bytes from'"), "3")

    def test_a_switch_between_two_domains(self):
        for n in ("1", "2"):
            bed.create(f"end{n}", by=self.ours, cmdline="console=hvc0 quiet do=net", vif=[f"switch=one,mac={MAC}1{n}"])
            bed.wait_console(f"end{n}", "GUEST-UP")
            bed.answer(f"end{n}", f"ifconfig eth0 10.8.0.{n} netmask 255.255.255.0 up")
        self.assertEqual(bed.answer("end1", "ping -c 3 -w 60 10.8.0.2 | grep -c 'bytes from'"), "3")

    def test_what_the_kernel_cannot_do(self):
        """qcow2 and the user-mode network, which no word need ask xenppd for."""
        outside = os.path.join(self.dom0.share, "disk.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", outside, "4M"], check=True)
        self.dom0.run("cp /share/disk.qcow2 /run/disk.img")
        daemon = self.dom0.put_whole_daemon()
        self.dom0.wait("the other daemon to end for want of work", lambda: not self.daemon())
        bed.create("guest", by=lambda *w: self.dom0.run(f"XENPPD={daemon} {bed.OURS}xl {shlex.join(w)}"),
                   cmdline="console=hvc0 quiet do=disk do=net", disk=["/run/disk.img,qcow2,xvda,w"], vif=["network=user"])
        bed.wait_console("guest", "GUEST-UP")
        self.answer("echo written-by-guest | dd of=/dev/xvda bs=512 seek=7 conv=sync 2>/dev/null; sync")
        self.answer("ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up")
        self.assertEqual(self.answer("ping -c 3 -w 60 10.0.2.2 | grep -c 'bytes from'"), "3")
        self.debian("shutdown", "-w", "guest")
        self.dom0.wait("the domain to go", lambda: not bed.domains())
        self.nothing_left()
        self.dom0.run("cp /run/disk.img /share/disk.qcow2")
        raw = os.path.join(self.dom0.share, "disk.raw")
        subprocess.run(["qemu-img", "convert", "-O", "raw", outside, raw], check=True)
        with open(raw, "rb") as f:
            self.assertIn(b"written-by-guest", f.read()[7 * 512:8 * 512])


if __name__ == "__main__":
    unittest.main()
