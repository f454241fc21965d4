"""NAT by nftables between network namespaces. No feed: Fingerpost probes the real servers, past the director."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import fingerpost, places, steps
from kit.story import Director, Story

SLOW_START_S = 10


class Nftables(Director):
    # Nothing takes a dead real server out of the rules: what is sent there fails until DNS sends less.
    heals = False
    source = "probes"

    def __init__(self, site):
        super().__init__(site.name, site.vip, site.reals)


def lab():
    steps.need({"ip": "iproute2", "nft": "nftables", "sysctl": "procps"})
    steps.need_namespaces()
    steps.versions([fingerpost.binary(), "--version"], ["nft", "--version"], ["sh", "-c", "uname -sr | cut -d. -f1,2"])
    world = places.Places("nftables", ["nat"])
    server = fingerpost.Fingerpost(Path(__file__).parent, world.network, "ns")
    try:
        site, = world.sites
        files, = site.configure(server, "nftables")
        world.network.run(site.hosts[0], ["nft", "-f", "-"], files["director.nft"])
        world.start()
        server.serve()
        Story(server, [Nftables(site)], places.RESOLVER, lambda: world.network.inside("client"), places.PORT,
              SLOW_START_S).tell()
    except BaseException:
        print(server.logs())
        raise
    finally:
        server.close()
        world.close()


steps.run(lab)
