# SPDX-License-Identifier: Apache-2.0
# TAP devices on a bridge, and the scripts that put them there. To be run as root of namespaces of its
# own, for users, networks and mounts; net_test.py does.
import os
import subprocess
import unittest
import urllib.request

from bed import BUILD, PATIENCE, BedTest

GUEST = "console=hvc0 quiet do="
SCRIPT = """#!/bin/sh
{
    echo "CALL $*"
    for v in script vif XENBUS_TYPE XENBUS_PATH XENBUS_BASE_PATH; do eval echo "$v=\\$$v"; done
    echo "bridge=$(xenstore-read "$XENBUS_PATH/bridge")"
} >> "$(dirname "$0")/calls"
if [ "$1" = online ]; then
    ip link set "$vif" master "$(xenstore-read "$XENBUS_PATH/bridge")"
    ip link set "$vif" up
    [ ! -e "$(dirname "$0")/fail" ] || { xenstore-write "$XENBUS_PATH/hotplug-error" "no luck today"; exit 1; }
fi
"""


class Bridge(BedTest):
    @classmethod
    def setUpClass(cls):
        for command in ("link set lo up", "link add xenbr0 type bridge", "addr add 10.9.0.1/24 dev xenbr0",
                        "link set xenbr0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        # Where Xen's scripts log and lock.
        for folder in ("/var/log", "/run"):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
        os.makedirs("/var/log/xen")

    def links(self, *of):
        return subprocess.run(["ip", "-o", "link", "show", *of], capture_output=True, text=True, check=True).stdout

    def serve(self, name, address):
        """The guest's file comes over the bridge."""
        self.bed.type_into(name, f"ifconfig eth0 {address} up; httpd -h /; echo SER''VES")
        self.bed.wait_log(name, "SERVES")
        with urllib.request.urlopen(f"http://{address}/init", timeout=PATIENCE) as answer:
            self.assertIn(b"#!/bin/sh", answer.read())

    def test_a_script(self):
        script = os.path.join(self.bed.state, "vif-test")
        with open(script, "w", encoding="ascii") as f:
            f.write(SCRIPT)
        os.chmod(script, 0o755)
        # No key: xen's default bridge is there and may be used.
        self.bed.create("t", cmdline=GUEST + "net", vif=[f"script={script}", "network=bridge"])
        self.bed.wait_log("t", "GUEST-UP")
        domid = self.bed.domains()["t"][0]
        links = self.links("master", "xenbr0")
        self.assertIn(f"vif{domid}.0", links)
        self.assertIn(f"vif{domid}.1", links)
        with open(os.path.join(self.bed.state, "calls"), encoding="ascii") as f:
            calls = f.read()
        self.assertEqual(calls, f"CALL online type_if=vif\nscript={script}\nvif=vif{domid}.0\nXENBUS_TYPE=vif\n"
                                f"XENBUS_PATH=/local/domain/0/backend/vif/{domid}/0\n"
                                "XENBUS_BASE_PATH=backend\nbridge=xenbr0\n")
        self.serve("t", "10.9.0.2")
        self.bed.xl("network-detach", "t", "0")
        with open(os.path.join(self.bed.state, "calls"), encoding="ascii") as f:
            self.assertIn(f"CALL offline type_if=vif\nscript={script}\nvif=vif{domid}.0\n", f.read())
        open(os.path.join(self.bed.state, "fail"), "w", encoding="ascii").close()
        r = self.bed.xl("network-attach", "t", f"script={script}", "bridge=xenbr0", check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("no luck today", r.stderr)
        self.bed.xl("destroy", "t")
        self.bed.wait("the interfaces to be gone", lambda: "vif" not in self.links())

    def test_debians_vif_bridge(self):
        """The script that comes with Debian's Xen, as it is."""
        script = os.path.join(BUILD, "guest/xen-scripts/vif-bridge")
        self.bed.create("d", cmdline=GUEST + "net", vif=[f"script={script},bridge=xenbr0"])
        self.bed.wait_log("d", "GUEST-UP")
        name = f"vif{self.bed.domains()['d'][0]}.0"
        self.assertIn(name, self.links("master", "xenbr0"))
        self.serve("d", "10.9.0.3")
        self.bed.xl("network-detach", "d", "0")
        self.assertNotIn(name, self.links())
        self.bed.xl("destroy", "d")


if __name__ == "__main__":
    unittest.main()
