"""The lab in the machine: LVS in NAT, DR and TUN between namespaces, by the rules that Fingerpost renders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import places, steps
from kit.fingerpost import Fingerpost
from kit.story import Director, Story

MODES = ["nat", "dr", "tun"]
SLOW_START_S = 10
AGENT_PORT = 8054
FORWARD = {"nat": "-m", "dr": "-g", "tun": "-i"}
# Among those of /proc/net/ip_vs_stats: packets that came for the VIP, and that went back through the director.
PACKETS_IN, PACKETS_OUT = 1, 2


class Lvs(Director):
    """A director whose table is kept as keepalived would: a dead real server is taken out, a live one is put back."""

    def __init__(self, site):
        super().__init__(site.mode, site.vip, site.reals)
        self.site = site

    def revive(self, real):
        super().revive(real)
        self._table("-a", real, FORWARD[self.name], "-w", real.weight)

    def kill(self, real):
        super().kill(real)
        self._table("-d", real)

    def load(self, rules):
        self.site.network.run(self.site.director, ["ipvsadm", "-R"], rules)

    def packets(self):
        """Packets that came in for the VIP, and that the director sent back to clients."""
        stats = self.site.network.run(self.site.director, ["cat", "/proc/net/ip_vs_stats"])
        counts = [int(word, 16) for word in stats.splitlines()[2].split()]
        return counts[PACKETS_IN], counts[PACKETS_OUT]

    def _table(self, action, real, *how):
        service = f"{self.vip}:{places.PORT}"
        self.site.network.run(self.site.director,
                              ["ipvsadm", action, "-t", service, "-r", f"{real.outside}:{places.PORT}", *how])


def lab():
    steps.versions(["uname", "-sr"], ["ipvsadm", "--version"])
    world = places.Places("lvs", MODES)
    server = Fingerpost(Path(__file__).parent, world.network, "ns")
    try:
        directors = [Lvs(site) for site in world.sites]
        for director in directors:
            director.load(director.site.configure(server, "ipvsadm")["ipvsadm.rules"])
            server.spawn("director", "agent", "--listen", f"{director.site.address}:{AGENT_PORT}",
                         "--token-file", "agent.token", host=director.site.director)
        world.start()
        server.serve()
        Story(server, directors, places.RESOLVER, lambda: world.network.inside("client"), places.PORT,
              SLOW_START_S).tell()
        for director in directors:
            came, went = director.packets()
            print(f"  {director.name}: {came} packets came for the VIP, {went} went back through the director")
            expected = went > 0 if director.name == "nat" else went == 0
            steps.expect("answers go through the director with NAT, and past it otherwise", came and expected, went)
    except BaseException:
        print(server.logs())
        raise
    finally:
        server.close()
        world.close()


steps.run(lab)
