"""NAT by nftables between network namespaces, of IPv4 and of IPv6. No feed: Fingerpost probes the real servers, past
the directors."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import fingerpost, places, steps
from kit.story import Director, Story, words

SITES = ["nat", "nat6"]
SLOW_START_S = 10


class Nftables(Director):
    # Nothing takes a dead real server out of the rules: what is sent there fails until DNS sends less.
    heals = False
    source = "probes"

    def __init__(self, site):
        super().__init__(site.name, site.vip, site.reals)
        self.network, self.host = site.network, site.hosts[0]

    def load(self, table):
        self.network.run(self.host, ["nft", "-f", "-"], table)

    def connections(self):
        """By real, how many the kernel has counted as sent there."""
        rules = self.network.run(self.host, ["nft", "list", "ruleset"])
        counted = {to: int(count) for count, to in re.findall(r"counter packets (\d+) \S+ \S+ dnat to (\S+)", rules)}
        return {real.name: counted.get(real.with_port(), 0) for real in self.reals}


def lab():
    steps.need({"ip": "iproute2", "nft": "nftables", "sysctl": "procps"})
    steps.need_namespaces()
    steps.versions([fingerpost.binary(), "--version"], ["nft", "--version"], ["sh", "-c", "uname -sr | cut -d. -f1,2"])
    world = places.Places("nftables", SITES)
    server = fingerpost.Fingerpost(Path(__file__).parent, world.network, "ns")
    try:
        directors = []
        for site in world.sites:
            files, = site.configure(server, "nftables")
            directors.append(Nftables(site))
            directors[-1].load(files["director.nft"])
        world.start()
        server.serve()
        Story(server, directors, places.RESOLVER, lambda: world.network.inside("client"), places.PORT,
              SLOW_START_S).tell()
        for director in directors:
            counted = director.connections()
            print(f"  {director.name}: connections that the kernel sent on: {words(counted)}")
            steps.expect("the kernel has sent connections to each", all(counted.values()), counted)
            steps.expect("and the most to the one that weighs most", max(counted, key=counted.get) == "a", counted)
    except BaseException:
        print(server.logs())
        raise
    finally:
        server.close()
        world.close()


steps.run(lab)
