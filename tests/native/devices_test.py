# SPDX-License-Identifier: Apache-2.0
# Disks and network interfaces served by domain 0's kernel: attached by one toolstack, seen, used and
# taken away under the other.
import unittest

import bed
import compare

BRIDGE = "xenbr0"
ADDRESS = "10.9.0."
MAC = "00:16:3e:00:00:"


class DevicesBed(unittest.TestCase):
    """What tests of devices share; `SERVED_BY` is added to each specification."""

    SERVED_BY = ""

    @classmethod
    def setUpClass(cls):
        bed.the_dom0().run(f"ip link show {BRIDGE} 2>/dev/null || (ip link add name {BRIDGE} type bridge && "
                           f"ip addr add {ADDRESS}1/24 dev {BRIDGE} && ip link set {BRIDGE} up)")

    def setUp(self):
        self.dom0 = bed.the_dom0()
        self.addCleanup(self.dom0.run, "rm -f /run/*.img")
        self.addCleanup(bed.destroy_guests)  # first: scripts look at the images

    def image(self, name, mib=4):
        path = f"/run/{name}.img"
        self.dom0.run(f"dd if=/dev/urandom of={path} bs=1M count={mib} 2>/dev/null")
        return path

    def start(self, by, kind, **keys):
        path = self.image("disk")
        bed.create("guest", by=by, type=kind, cmdline="console=hvc0 quiet do=disk do=net",
                   disk=[f"{path},raw,xvda,w{self.SERVED_BY}"],
                   vif=[f"bridge={BRIDGE},mac={MAC}01{self.SERVED_BY}"], **keys)
        bed.wait_console("guest", "GUEST-UP")
        return path

    def uses_them(self, path):
        """The guest reads and writes its disk and reaches domain 0."""
        self.assertEqual(self.answer("sha256sum /dev/xvda | cut -d' ' -f1"),
                         self.dom0.run(f"sha256sum {path} | cut -d' ' -f1").out.strip())
        self.answer("echo written-by-guest | dd of=/dev/xvda bs=512 seek=7 conv=sync 2>/dev/null; sync")
        self.assertIn("written-by-guest",
                      self.dom0.run(f"dd if={path} bs=512 skip=7 count=1 iflag=direct 2>/dev/null || "
                                    f"dd if={path} bs=512 skip=7 count=1").out)
        self.answer(f"ifconfig eth0 {ADDRESS}2 netmask 255.255.255.0 up")
        self.assertEqual(self.answer(f"ping -c 3 -w 60 {ADDRESS}1 | grep -c 'bytes from'"), "3")

    def answer(self, command):
        return bed.answer("guest", command)

    def lists_agree(self, disks, vifs):
        c = compare.Comparison(self.dom0)
        for command, count in (("block-list", disks), ("network-list", vifs)):
            c.text("xl", f"{command} guest")
            self.assertEqual(len(self.dom0.debian(command, "guest").out.splitlines()), count + 1)
        self.assertEqual(c.differences, [])

    def nothing_left(self):
        self.dom0.wait("loop devices to be freed", lambda: not self.dom0.run("losetup -a").out)
        self.dom0.wait("interfaces to go", lambda: "vif" not in self.dom0.run("ip -o link").out)
        nodes = ("xenstore-ls -f /local/domain/0/backend | grep -E '/(xenpp-)?(vbd|vif)/[0-9]'; "
                 "xenstore-ls -f /libxl | grep device || true")
        self.dom0.wait("the nodes to go", lambda: not self.dom0.run(nodes).out)

    def hot(self, attacher, detacher):
        """Attached by one, seen by both and by the guest, detached by the other."""
        more = self.image("more", 2)
        attacher("block-attach", "guest", f"{more},raw,xvdb,w{self.SERVED_BY}")
        self.dom0.wait("the guest to have the disk", lambda: self.answer("blockdev --getsize64 /dev/xvdb") == "2097152")
        attacher("network-attach", "guest", f"bridge={BRIDGE}", f"mac={MAC}02", *self.SERVED_BY.split(",")[1:])
        self.dom0.wait("the guest to have the interface",
                       lambda: f"{MAC}02" in self.answer("cat /sys/class/net/eth1/address"))
        self.lists_agree(2, 2)
        detacher("block-detach", "guest", "xvdb")
        detacher("network-detach", "guest", f"{MAC}02")
        self.assertEqual(self.answer("ls /dev/xvdb /sys/class/net/eth1 2>/dev/null | wc -l"), "0")
        self.lists_agree(1, 1)


class DevicesTest(DevicesBed):
    def _life(self, maker, other, kind):
        path = self.start(maker, kind)
        self.uses_them(path)
        self.lists_agree(1, 1)
        self.hot(maker, other)
        self.hot(other, maker)
        other("shutdown", "-w", "guest")
        self.dom0.wait("the domain to go", lambda: not bed.domains())
        self.nothing_left()

    def test_our_pvh_domain(self):
        self._life(self.dom0.ours, self.dom0.debian, "pvh")

    def test_our_pv_domain(self):
        self._life(self.dom0.ours, self.dom0.debian, "pv")

    def test_debians_domain(self):
        self._life(self.dom0.debian, self.dom0.ours, "pvh")

    def test_destroyed_by_the_other(self):
        for maker, destroyer in ((self.dom0.ours, self.dom0.debian), (self.dom0.debian, self.dom0.ours)):
            self.start(maker, "pvh")
            destroyer("destroy", "guest")
            self.dom0.wait("the domain to go", lambda: not bed.domains())
            self.nothing_left()

    def test_refused_devices_leave_no_domain(self):
        path = self.image("disk")
        for keys, words in (
                ({"disk": [f"{path},qcow2,xvda,w,backendtype=phy"]}, "reads raw images"),
                ({"disk": ["/run/none.img,raw,xvda,w"]}, "/run/none.img"),
                ({"vif": ["bridge=nobridge"]}, "nobridge"),
                ({"vif": [f"bridge={BRIDGE},script=none"]}, "no hotplug script none")):
            r = bed.create("refused", by=lambda *w: self.dom0.ours(*w, check=False), type="pvh", **keys)
            self.assertNotEqual(r.status, 0)
            self.assertIn(words, r.err)
            self.assertEqual(bed.domains(), {})
            self.nothing_left()


if __name__ == "__main__":
    unittest.main()
