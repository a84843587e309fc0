# SPDX-License-Identifier: Apache-2.0
# A stock Debian by debootstrap boots from a disk to its login, and talks to the world and is talked to.
import os
import re
import socket
import subprocess
import unittest
import urllib.request

from bed import BUILD, PATIENCE
from debian import DebianTest
from web import Server, free_port

KIB = 1 << 10
IPERF_SECONDS = 5


class Debian(DebianTest):
    def whole(self, kind, form):
        port = free_port()
        server = Server(1024 * KIB)
        self.addCleanup(server.close)
        path = self.boot("deb", form=form, type=kind, vcpus=2, vif=[f"forward=tcp:{port}-80"])
        self.ask("deb", "grep ' / ' /proc/mounts; cat /proc/1/comm", r"/dev/xvda / ext4 rw[^\n]*\r?\nsystemd\b")
        self.ask("deb", "until ip -4 addr | grep -q 10.0.2.15; do sleep 1; done; echo ADD''RESS", "ADDRESS")
        got = self.ask("deb", f"wget -q -O - http://10.0.2.2:{server.port}/file | sha256sum | sed s/^/SUM=/",
                       r"SUM=([0-9a-f]{64})").group(1)
        self.assertEqual(got, server.sha256())
        self.ask("deb", "mkdir /srv/www; dd if=/dev/zero bs=1k count=300 of=/srv/www/zero 2>/dev/null; "
                 "busybox httpd -h /srv/www; echo SER''VES", "SERVES")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/zero", timeout=PATIENCE) as answer:
            self.assertEqual(answer.read(), bytes(300 * KIB))
        # Twice, so that there is something to compare with; counts are written within a second or so.
        top = subprocess.run([os.path.join(BUILD, "apps/xentop/xentop"), "-b", "-x", "-n", "-i", "2", "-d", "2"],
                             env=self.bed.env, capture_output=True, text=True, check=True).stdout
        nets = re.findall(r"^Net0 RX: +(\d+)bytes +(\d+)pkts.*TX: +(\d+)bytes +(\d+)pkts", top, re.MULTILINE)
        self.assertGreater(int(nets[-1][0]), 300 * KIB, top)
        self.assertGreater(int(nets[-1][2]), 1024 * KIB, top)
        disks = re.findall(r"^VBD .*51712 .*RD: +(\d+) +WR: +(\d+) +RSECT: +(\d+) +WSECT: +(\d+)", top, re.MULTILINE)
        self.assertTrue(all(int(n) > 100 for n in disks[-1]), top)
        state = self.ask("deb", "echo STATE=$(systemctl is-system-running --wait)", r"STATE=(\w+)").group(1)
        self.assertEqual(state, "running")
        self.power_off("deb")
        self.assertIsNone(re.search(r"I/O error|Call Trace|EXT4-fs error", self.bed.log("deb")))
        self.check_file_system(path, form)

    def interface(self, name, mac, address=None):
        """The name of the interface with an address of Ethernet, which gets one of IP."""
        found = self.ask(name, f"echo DEV=$(basename $(dirname $(grep -l {mac} /sys/class/net/*/address)))=",
                         r"DEV=(\w+)=").group(1)
        if address:
            self.ask(name, f"ip addr add {address} dev {found}; ip link set {found} up; echo U''P={found}=", rf"UP={found}=")
        return found

    def iperf(self, name, words, mark):
        """Megabits a second, as the receiver has it."""
        # The server may still be about to listen.
        got = self.ask(name, f"until iperf3 -f m -t {IPERF_SECONDS} {words} >/tmp/iperf; do sleep 1; done; "
                       f"echo {mark}=$(grep receiver /tmp/iperf)=", mark + r"=[^\n]*?([\d.]+) Mbits/sec[^\n]*receiver")
        rate = float(got.group(1))
        print(f"iperf3 {mark}: {rate} Mbit/s")
        self.assertGreater(rate, 1)

    def iperf_server(self):
        port = free_port()
        server = subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        return port

    def test_iperf_on_a_switch_and_to_the_host(self):
        macs = {n: f"00:16:3e:00:00:{n:02x}" for n in (1, 2)}
        for n in (1, 2):
            self.boot(f"s{n}", vif=[f"mac={macs[n]},switch=lan", "network=user,mac=00:16:3e:00:01:01"])
            self.interface(f"s{n}", macs[n], f"192.168.7.{n}/24")
        self.ask("s2", "iperf3 -s -D; echo SER''VES", "SERVES")
        self.iperf("s1", "-c 192.168.7.2", "SWITCH")
        self.iperf("s1", "-c 192.168.7.2 -R", "BACK")
        self.iperf("s1", "-c 192.168.7.2 -u -b 20M -l 8000", "UDP")
        port = self.iperf_server()
        self.ask("s1", "until ip -4 addr | grep -q 10.0.2.15; do sleep 1; done; echo ADD''RESS", "ADDRESS")
        self.iperf("s1", f"-c 10.0.2.2 -p {port}", "HOST")
        self.iperf("s1", f"-c 10.0.2.2 -p {port} -R", "FROMHOST")

    def test_large_datagrams(self):
        """They come and go as they are, whatever the interface's MTU."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        port = sock.getsockname()[1]
        self.boot("u", type="pvh", vif=["network=user"])
        self.ask("u", "until ip -4 addr | grep -q 10.0.2.15; do sleep 1; done; echo ADD''RESS", "ADDRESS")
        for size in (1400, 1473, 9000, 60000):
            self.bed.type_into("u", f"exec 3<>/dev/udp/10.0.2.2/{port}; dd if=/dev/urandom bs={size} count=1 2>/dev/null | "
                               f"tee /tmp/sent | dd bs={size} iflag=fullblock >&3 2>/dev/null; "
                               f"dd bs=65536 count=1 <&3 2>/dev/null | cmp - /tmp/sent && echo SA''ME={size}=")
            data, whom = sock.recvfrom(65536)
            self.assertEqual(len(data), size)
            sock.sendto(data, whom)
            self.bed.wait_log("u", f"SAME={size}=")

    def test_pvh_on_raw(self):
        self.whole("pvh", "raw")

    def test_pv_on_qcow2(self):
        self.whole("pv", "qcow2")


if __name__ == "__main__":
    unittest.main()
