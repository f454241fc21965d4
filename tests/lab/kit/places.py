"""The places of the labs in namespaces: an outside, and sites that differ in how their director gets to its reals.

    client 198.18.0.2 ──┐                                  ┌── nat  10.1.0.1 ── 10.1.1.0/24: a, b, c
    ns     198.18.1.53 ─┼── router ── 10.N.0.0/24 of each ─┼── dr   10.2.0.1    a, b, c beside it in 10.2.0.0/24
    iad    198.18.2.10 ─┘                                  └── tun  10.3.0.1    a, b, c in 10.3.1.0/24, routed

`ns` is where Fingerpost runs, `iad` the server of the next site. A site's VIP is 10.N.0.100. Behind NAT the director is
the reals' way out; in the other modes the reals have the VIP themselves and answer past the director, by the router.
"""

from .network import Network
from .web import RealServer

OUTSIDE = {"client": "198.18.0.2/24", "ns": "198.18.1.53/24", "iad": "198.18.2.10/24"}
RESOLVER = ("198.18.1.53", 53)
PORT = 80
NUMBERS = {"nat": 1, "dr": 2, "tun": 3}
# The reals of each site and their weights.
WEIGHTS = {"a": 2, "b": 1, "c": 1}
FIRST_REAL = 11


class Places:
    """All of them, with a server at `iad` and at every real."""

    def __init__(self, lab, modes):
        self.network = Network(lab)
        for host, address in OUTSIDE.items():
            subnet = address.rsplit(".", 1)[0]
            self.network.attach(host, self.network.lan("router", f"{subnet}.1/24"), address)
        self.network.sysctl("router", net__ipv4__ip_forward=1)
        self.sites = [Site(self.network, mode) for mode in modes]
        self.spare = RealServer("iad", "0.0.0.0", PORT, network=self.network, host="iad")

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
    """A director, its VIP, and its reals: cables and addresses. What the mode needs beside is the rendered scripts'."""

    def __init__(self, network, mode):
        self.network, self.mode = network, mode
        number = NUMBERS[mode]
        self.vip, self.address = f"10.{number}.0.100", f"10.{number}.0.1"
        self.director = f"{mode}-director"
        front = network.lan("router", f"10.{number}.0.254/24")
        network.attach(self.director, front, f"{self.address}/24")
        if mode == "dr":
            lan, subnet = front, f"10.{number}.0"
        else:
            subnet = f"10.{number}.1"
            owner, own = (self.director, 1) if mode == "nat" else ("router", 254)
            lan = network.lan(owner, f"{subnet}.{own}/24")
        if mode == "nat":
            # For probes: clients have no business there.
            network.ip("router", f"route add {subnet}.0/24 via {self.address}")
        self.gateway = f"{subnet}.1"
        self.reals = [self._real(name, f"{subnet}.{FIRST_REAL + place}", lan) for place, name in enumerate(WEIGHTS)]

    def _real(self, name, address, lan):
        real = RealServer(name, "0.0.0.0", PORT, WEIGHTS[name], self.network, f"{self.mode}-{name}")
        real.outside = address
        # Behind NAT, the way out is what the director's script for reals sets.
        self.network.attach(real.host, lan, f"{address}/24", is_way_out=self.mode != "nat")
        return real

    def configure(self, server, form):
        """Sets up the hosts by the scripts that Fingerpost writes; returns all that it wrote."""
        gateway = ["--gateway", self.gateway] if self.mode == "nat" else []
        files = server.render([self.mode], form, *gateway)
        self.network.run(self.director, ["sh", "-s"], files["director.sh"])
        for real in self.reals:
            self.network.run(real.host, ["sh", "-s"], files[f"real-{real.name}.sh"])
        return files
