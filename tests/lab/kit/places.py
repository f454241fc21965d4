"""The places of the labs in namespaces: an outside, and sites that differ in how their director gets to its reals.

    client 198.18.0.2 ──┐                                  ┌── nat  10.1.0.1 ── 10.1.1.0/24: a, b, c
    ns     198.18.1.53 ─┼── router ── 10.N.0.0/24 of each ─┼── dr   10.2.0.1    a, b, c beside it in 10.2.0.0/24
    iad    198.18.2.10 ─┘                                  ├── tun  10.3.0.1    a, b, c in 10.3.1.0/24, routed
                                                           ├── pair 10.4.0.1 and .2, otherwise as dr
                                                           ├── dr6  as dr, but in fd00:5::/32
                                                           └── nat6 as nat, but in fd00:6::/32

`ns` is where Fingerpost runs, `iad` the server of the next site; those outside have addresses of IPv6 too. A site's VIP
is 10.N.0.100, or fd00:N:0::100. Behind NAT the director is the reals' way out; in the other modes the reals have the VIP
themselves and answer past the director, by the router.
"""

import collections

from .network import Network
from .web import RealServer

# Name of the host, number of its network, its own number in it.
OUTSIDE = [("client", 0, 2), ("ns", 1, 53), ("iad", 2, 10)]
RESOLVER = ("198.18.1.53", 53)
PORT = 80
# A site's number, the mode of its directors, how many share its VIP, and the family of all addresses.
Plan = collections.namedtuple("Plan", "number mode directors is_ipv6", defaults=(1, False))
PLANS = {
    "nat": Plan(1, "nat"),
    "dr": Plan(2, "dr"),
    "tun": Plan(3, "tun"),
    "pair": Plan(4, "dr", directors=2),
    "dr6": Plan(5, "dr", is_ipv6=True),
    "nat6": Plan(6, "nat", is_ipv6=True),
}
# The reals of each site and their weights.
WEIGHTS = {"a": 2, "b": 1, "c": 1}
FIRST_REAL, ROUTER, VIP = 11, 254, 100


class Places:
    """All of them, with a server at `iad` and at every real."""

    def __init__(self, lab, sites):
        self.network = Network(lab)
        for host, subnet, number in OUTSIDE:
            lan = self.network.lan("router", f"198.18.{subnet}.1/24", f"fd00:18:{subnet}::1/64")
            self.network.attach(host, lan, f"198.18.{subnet}.{number}/24", f"fd00:18:{subnet}::{number}/64")
        self.network.sysctl("router", net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        self.sites = [Site(self.network, name) for name in sites]
        self.spare = RealServer("iad", "::", PORT, network=self.network, host="iad")

    def start(self):
        for server in self.servers():
            server.start()

    def close(self):
        for server in self.servers():
            server.kill()
        self.network.close()

    def servers(self):
        return [self.spare, *(real for site in self.sites for real in site.reals)]


class Site:
    """Directors, their VIP, and their reals: cables and addresses. What the mode needs beside is the rendered scripts'.
    """

    def __init__(self, network, name):
        self.network, self.name, self.plan = network, name, PLANS[name]
        mode = self.plan.mode
        self.vip = self._address(0, VIP)
        self.front = network.lan("router", self._prefix(0, ROUTER))
        count = self.plan.directors
        # As the configuration calls them: the only one as the site, those of a pair by number.
        self.names = [name] if count == 1 else [f"{name}-{number + 1}" for number in range(count)]
        # By director: its host, and its address on the front.
        self.hosts = [f"{director}-lb" for director in self.names]
        self.addresses = [self._address(0, number + 1) for number in range(count)]
        for number, host in enumerate(self.hosts):
            network.attach(host, self.front, self._prefix(0, number + 1))
        lan, subnet = self.front, 0
        if mode != "dr":
            owner, own = (self.hosts[0], 1) if mode == "nat" else ("router", ROUTER)
            lan, subnet = network.lan(owner, self._prefix(1, own)), 1
        self.gateway = self._address(1, 1) if mode == "nat" else None
        if self.gateway:
            # For probes: clients have no business there.
            network.ip("router", f"route add {self._prefix(1, 0)} via {self.addresses[0]}")
        self.reals = [self._real(real, subnet, FIRST_REAL + place, lan) for place, real in enumerate(WEIGHTS)]

    def _address(self, subnet, number):
        site = self.plan.number
        # Without noughts that may be left out: as everybody writes it.
        wide = f"fd00:{site}:{subnet}::{number}" if subnet else f"fd00:{site}::{number}"
        return wide if self.plan.is_ipv6 else f"10.{site}.{subnet}.{number}"

    def _prefix(self, subnet, number):
        return f"{self._address(subnet, number)}/{64 if self.plan.is_ipv6 else 24}"

    def _real(self, name, subnet, number, lan):
        real = RealServer(name, "::", PORT, WEIGHTS[name], self.network, f"{self.name}-{name}")
        real.outside = self._address(subnet, number)
        # Behind NAT, the way out is what the director's script for reals sets.
        self.network.attach(real.host, lan, self._prefix(subnet, number), is_way_out=not self.gateway)
        return real

    def configure(self, server, form):
        """Sets up the hosts by the scripts that Fingerpost writes; returns all that it wrote, by director."""
        all_files = [self.rendered(server, director, form) for director in self.names]
        for host, files in zip(self.hosts, all_files):
            self.network.run(host, ["sh", "-s"], files["director.sh"])
        for real in self.reals:
            self.network.run(real.host, ["sh", "-s"], all_files[0][f"real-{real.name}.sh"])
        return all_files

    def rendered(self, server, director, form):
        """What Fingerpost writes for one of the directors, by name of the file."""
        return server.render([director], form, *(["--gateway", self.gateway] if self.gateway else []))
