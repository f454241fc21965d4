"""Network namespaces: hosts that exist only for a lab, joined by bridges.

    lan = network.lan("router", "10.0.0.1/24")          # a bridge in the host `router`, which has an address there
    network.attach("client", lan, "10.0.0.2/24")        # a host on it, whose way out is the bridge's address
    with network.inside("client"): ...                  # what opens sockets here opens them there

Everything is gone after `close`, and what a killed lab left behind is removed before the next begins.
"""

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Network:
    """The hosts of one lab; their namespaces are called LAB-HOST."""

    def __init__(self, lab):
        self.prefix = f"fingerpost-{lab}-"
        self.hosts = set()
        self.bridges = 0
        self.close()

    def close(self):
        for path in Path("/run/netns").glob(f"{self.prefix}*"):
            subprocess.run(["ip", "netns", "del", path.name], check=True)

    def lan(self, host, *addresses):
        """A bridge in this host; returns what `attach` wants: (host, bridge, the host's addresses)."""
        bridge = f"lan{self.bridges}"
        self.bridges += 1
        self.ip(host, f"link add {bridge} type bridge", *add(addresses, bridge), f"link set {bridge} up")
        return host, bridge, [address.split("/")[0] for address in addresses]

    def attach(self, host, lan, *addresses, is_way_out=True):
        """Joins the host to the LAN, by a device called eth0 in it and as the host in the bridge's."""
        owner, bridge, gateways = lan
        self._exists(host)
        self.ip(owner, f"link add {host} type veth peer name eth0 netns {self.prefix}{host}",
                f"link set {host} master {bridge}", f"link set {host} up")
        self.ip(host, *add(addresses, "eth0"), "link set eth0 up",
                *([f"route add default via {gateway}" for gateway in gateways] if is_way_out else []))

    def cable(self, host, lan, is_plugged):
        """Pulls the cable of a host that is attached to the LAN, or plugs it in."""
        owner, _, _ = lan
        self.ip(owner, f"link set {host} {'up' if is_plugged else 'down'}")

    def ip(self, host, *commands):
        self._exists(host)
        self.run(host, ["ip", "-batch", "-"], "\n".join(commands) + "\n")

    def sysctl(self, host, **settings):
        """Dots are written as two underscores: `net__ipv4__ip_forward=1`."""
        with self.inside(host):
            for name, value in settings.items():
                Path("/proc/sys", *name.split("__")).write_text(str(value))

    def run(self, host, command, text=None):
        """Runs a command in the host and returns what it prints."""
        return subprocess.run(self.command(host, command), input=text, check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def command(self, host, command):
        return ["ip", "netns", "exec", self.prefix + host, *map(str, command)]

    @contextlib.contextmanager
    def inside(self, host):
        """This thread is in the host's network until the end of the block; so are children that it makes."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.prefix}{host}") as there:
            enter(there)
            try:
                yield
            finally:
                enter(before)

    def _exists(self, host):
        if host not in self.hosts:
            self.hosts.add(host)
            subprocess.run(["ip", "netns", "add", self.prefix + host], check=True)
            self.ip(host, "link set lo up")
            # Nobody else has its addresses: IPv6 need not ask first, for a second or two, whether somebody does.
            self.sysctl(host, net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0)


def add(addresses, device):
    return [f"address add {address} dev {device}" for address in addresses]


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))
