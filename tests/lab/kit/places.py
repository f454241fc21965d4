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
    """All of them, with a server running at `iad`."""

    def __init__(self, lab, modes):
        self.network = Network(lab)
        for host, address in OUTSIDE.items():
            subnet = address.rsplit(".", 1)[0]
            self.network.attach(host, self.network.lan("router", f"{subnet}.1/24"), address)
        self.network.sysctl("router", net__ipv4__ip_forward=1)
        self.sites = {mode: self.site(mode) for mode in modes}
        self.spare = RealServer("iad", "0.0.0.0", PORT, network=self.network, host="iad")
        self.spare.start()

    def site(self, mode):
        site = Site(self.network, mode, NUMBERS[mode])
        build = {"nat": site.behind, "dr": site.beside, "tun": site.beyond}[mode]
        build()
        for real in site.reals:
            real.start()
        return site

    def close(self):
        for real in [self.spare, *(real for site in self.sites.values() for real in site.reals)]:
            real.kill()
        self.network.close()


class Site:
    """A director, its VIP, and its reals."""

    def __init__(self, network, mode, number):
        self.network, self.mode, self.number = network, mode, number
        self.vip = f"10.{number}.0.100"
        self.director = f"{mode}-director"
        self.front = network.lan("router", f"10.{number}.0.254/24")
        device = network.attach(self.director, self.front, f"10.{number}.0.1/24")
        network.ip(self.director, f"address add {self.vip}/32 dev {device}")
        self.reals = [RealServer(name, "0.0.0.0", PORT, weight, network, f"{mode}-{name}")
                      for name, weight in WEIGHTS.items()]

    def behind(self):
        """NAT: the reals' way out is the director; the router knows the way to them, for probes."""
        lan = self.network.lan(self.director, f"10.{self.number}.1.1/24")
        self.network.sysctl(self.director, net__ipv4__ip_forward=1)
        self.network.ip("router", f"route add 10.{self.number}.1.0/24 via 10.{self.number}.0.1")
        self._attach_reals(lan, 1)

    def beside(self):
        """DR: in the director's LAN, with the VIP where nobody asks for it by ARP."""
        self._attach_reals(self.front, 0)
        for real in self.reals:
            self.network.sysctl(real.host, net__ipv4__conf__all__arp_ignore=1, net__ipv4__conf__all__arp_announce=2)
            self.network.ip(real.host, f"address add {self.vip}/32 dev lo")

    def beyond(self):
        """TUN: somewhere else, with the VIP at the end of a tunnel that takes packets of anybody."""
        self._attach_reals(self.network.lan("router", f"10.{self.number}.1.254/24"), 1)
        for real in self.reals:
            # Each namespace has this device of its own as soon as the module is loaded.
            self.network.ip(real.host, f"address add {self.vip}/32 dev tunl0", "link set tunl0 up")
            # What comes out of the tunnel has sources that are not to be reached through it.
            self.network.sysctl(real.host, net__ipv4__conf__tunl0__rp_filter=0, net__ipv4__conf__all__rp_filter=0)

    def _attach_reals(self, lan, third):
        for place, real in enumerate(self.reals):
            real.outside = f"10.{self.number}.{third}.{FIRST_REAL + place}"
            self.network.attach(real.host, lan, f"{real.outside}/24")
