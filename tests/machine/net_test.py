# SPDX-License-Identifier: Apache-2.0
# Networks: user mode with DHCP and ports, switches, bridges, hot attach, kills of the daemon.
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

from bed import PATIENCE, BedTest
from web import Server, free_port

ROUNDS = int(os.environ.get("XENPP_TEST_ATTACHES", "5"))  # 200 for the full run
KIB = 1 << 10
GUEST = "console=hvc0 quiet do="


class Networks(BedTest):
    def boot(self, name, vifs, do="dhcp", **keys):
        self.bed.create(name, cmdline=GUEST + do, vif=vifs, **keys)
        self.bed.wait_log(name, r"GUEST-UP")

    def ask(self, name, command, answer):
        """Types a command whose output matches `answer`; the typed line itself must not."""
        self.bed.type_into(name, command)
        return self.bed.wait_log(name, answer)

    def serve(self, size):
        server = Server(size)
        self.addCleanup(server.close)
        return server

    def fetch(self, name, server, mark):
        got = self.ask(name, f"wget -q -O - http://10.0.2.2:{server.port}/ | sha256sum | sed s/^/{mark}=/",
                       mark + r"=([0-9a-f]{64})").group(1)
        self.assertEqual(got, server.sha256())

    def user_mode(self, **keys):
        port = free_port()
        server = self.serve(2048 * KIB)
        self.boot("g", [f"forward=tcp:{port}-80"], **keys)
        self.bed.wait_log("g", r"DHCP eth0 10\.0\.2\.15")
        self.fetch("g", server, "FETCHED")
        self.ask("g", "dd if=/dev/zero bs=1k count=300 of=/www.bin 2>/dev/null; httpd -h /; echo SER''VES",
                 "SERVES")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/www.bin", timeout=PATIENCE) as answer:
            self.assertEqual(answer.read(), bytes(300 * KIB))
        return server

    def test_user_mode_pvh(self):
        self.user_mode(vcpus=2)
        line = self.bed.xl("network-list", "g").stdout.splitlines()
        self.assertRegex(line[0], r"^Idx BE Mac Addr\. +handle state evt-ch")
        self.assertRegex(line[1], r"^0   0  00:16:3e:[0-9a-f:]{8} +0 +4 ")

    def test_user_mode_pv(self):
        self.user_mode(type="pv")

    def test_the_daemon_killed(self):
        server = self.user_mode()
        for n in range(2):
            old = self.bed.pid("xenppd")
            os.kill(old, signal.SIGKILL)
            self.bed.wait("the daemon to be gone", lambda: not os.path.exists(f"/proc/{old}"))
            self.bed.xl("list")  # starts another
            self.fetch("g", server, f"AGAIN{n}")

    def test_a_switch(self):
        for n in (1, 2):
            self.boot(f"s{n}", ["switch=lan"], do="net")
            self.ask(f"s{n}", f"ifconfig eth0 192.168.7.{n} up; echo ADD''RESS", "ADDRESS")
        self.ask("s1", "ping -c 3 192.168.7.2 | tail -n 2", r"3 packets received")
        self.ask("s2", "nc -l -p 5000 | sha256sum | sed s/^/GO''T=/ & echo LIS''TENS", "LISTENS")
        self.ask("s1", f"dd if=/dev/zero bs=64k count=64 2>/dev/null | nc -w {PATIENCE:.0f} 192.168.7.2 5000; echo SE''NT",
                 "SENT")
        got = self.bed.wait_log("s2", r"GOT=([0-9a-f]{64})").group(1)
        self.assertEqual(got, hashlib.sha256(bytes(64 * 64 * KIB)).hexdigest())

    def test_attach_and_detach(self):
        server = self.serve(64 * KIB)
        # Linux 6.1 loses the 256 pages of an interface's receive ring when it goes, though it ends all
        # their grants: 200 rounds take 200 MiB of the guest.
        self.boot("g", ["network=user"], memory=512)
        self.bed.wait_log("g", r"DHCP eth0 10\.0\.2\.15")
        for n in range(ROUNDS):
            self.bed.xl("network-attach", "g", "switch=spare", "mac=00:16:3e:00:00:01")
            self.assertEqual(len(self.bed.xl("network-list", "g").stdout.splitlines()), 3)
            self.ask("g", f"until [ -d /sys/class/net/eth1 ]; do usleep 50000; done; echo THE''RE{n}=",
                     f"THERE{n}=")
            self.fetch("g", server, f"ROUND{n}")
            self.bed.xl("network-detach", "g", "00:16:3e:00:00:01" if n % 2 else "1")
            if n == 0:
                held = self.bed.held()
        self.bed.assert_still_held(held, ROUNDS)
        self.assertEqual(len(self.bed.xl("network-list", "g").stdout.splitlines()), 2)
        self.assertEqual(self.bed.store("xenstore-ls", "/local/domain/0/backend/vif").count("mac ="), 1)

    def test_what_cannot_be_had(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            r = self.bed.xl("create", self.bed.config("g", vif=[f"forward=tcp:{port}-80"]), check=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertRegex(r.stderr, f"cannot forward tcp:{port}-80: is port {port} of the host in use")
        r = self.bed.xl("create", self.bed.config("g", vif=["bridge=nosuch0"]), check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertRegex(r.stderr, "there is no bridge nosuch0|CAP_NET_ADMIN")
        path = self.bed.config("g", vif=["mac=00:16:3e:00:00"])
        r = self.bed.xl("create", path, check=False)
        self.assertRegex(r.stderr, re.escape(path) + r":\d+:\d+: error: .*six hexadecimal numbers")
        self.assertEqual(self.bed.domains(), {})

    def test_a_bridge(self):
        """In namespaces of its own, where it may do what it likes."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bridge.py")
        r = subprocess.run(["unshare", "-r", "-n", "-m", sys.executable, "-B", script, "-v"], capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stderr, r"Ran 2 tests.*\n\nOK\n")


if __name__ == "__main__":
    unittest.main()
