"""The lab in the machine: LVS in NAT, DR and TUN between namespaces, by the rules that Fingerpost renders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit import places, steps
from kit.fingerpost import Fingerpost
from kit.keepalived import Keepalived
from kit.story import Director, Story

MODES = ["nat", "dr", "tun"]
SLOW_START_S = 10
AGENT_PORT = 8054
# Among those of /proc/net/ip_vs_stats: packets that came for the VIP, and that went back through the director.
PACKETS_IN, PACKETS_OUT = 1, 2


class Lvs(Director):
    """A director whose table keepalived keeps: it takes a dead real server out, and puts it back."""

    def __init__(self, site, files, home):
        super().__init__(site.name, site.vip, site.reals)
        self.network, self.host = site.network, site.hosts[0]
        # What its own packets to the reals have as their source.
        self.own = site.gateway or site.addresses[0]
        self.rules = files["ipvsadm.rules"]
        self.keepalived = Keepalived(self.network, self.host, files["keepalived.conf"], home)

    def start(self):
        """Loads the rules for `ipvsadm`; then has keepalived fill the empty table, and holds the one against the other."""
        self.network.run(self.host, ["ipvsadm", "-R"], self.rules)
        expected = self.table()
        steps.expect("ipvsadm -R loads a line for each of the file", len(expected) == len(self.rules.splitlines()),
                     expected)
        self.network.run(self.host, ["ipvsadm", "-C"])
        self.keepalived.start()

        def look():
            steps.expect(f"keepalived of {self.name} runs", self.keepalived.is_running(), self.keepalived.log)
            return self.table() == expected, "; ".join(self.table())

        steps.wait(f"keepalived of {self.name} to fill the table as ipvsadm did", look)

    def table(self):
        """The kernel's table, as the lines that would make it."""
        return sorted(line.strip() for line in self.network.run(self.host, ["ipvsadm", "-S", "-n"]).splitlines())

    def settle(self, live):
        """Waits until keepalived has these in the table and no others: until then, requests may go to the dead."""
        expected = sorted(real.outside for real in live)

        def look():
            table = self.table()
            there = [real.outside for real in self.reals if any(f" {real.outside}:" in line for line in table)]
            return sorted(there) == expected, "; ".join(table)

        steps.wait(f"keepalived of {self.name} to have {', '.join(real.name for real in live)} in the table", look)

    def cut(self, real):
        """From now on the real's answers to its director are lost, and to nobody else."""
        self.network.ip(real.host, f"route add blackhole {self.own}")

    def join(self, real):
        self.network.ip(real.host, f"route del blackhole {self.own}")

    def packets(self):
        """Packets that came in for the VIP, and that the director sent back to clients."""
        stats = self.network.run(self.host, ["cat", "/proc/net/ip_vs_stats"])
        counts = [int(word, 16) for word in stats.splitlines()[2].split()]
        return counts[PACKETS_IN], counts[PACKETS_OUT]


def one_sees(story, directors):
    """What only keepalived sees: a real that its director does not reach, while Fingerpost's own probes do."""
    story.step("one is cut off", cut=1, live=[0, 2])
    for director in directors:
        cut = next(real for real in story.said(director)[0]["reals"] if real["name"] == director.reals[1].name)
        steps.expect("own probes reach it", cut["check"]["verdict"] == "up", cut)
        steps.expect("it is down all the same", cut["state"] == "down", cut)
    story.step("it is joined", join=1, live=[0, 1, 2])


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def lab():
    steps.versions(["uname", "-sr"], ["ipvsadm", "--version"], ["keepalived", "--version"])
    world = places.Places("lvs", MODES)
    server = Fingerpost(Path(__file__).parent, world.network, "ns")
    directors = []
    try:
        world.start()
        for site in world.sites:
            files, = site.configure(server, "keepalived")
            directors.append(Lvs(site, files | site.rendered(server, site.name, "ipvsadm"), server.home))
            directors[-1].start()
            server.spawn("director", "agent", "--listen", f"{bracketed(site.addresses[0])}:{AGENT_PORT}",
                         "--token-file", "agent.token", host=site.hosts[0])
        server.serve()
        story = Story(server, directors, places.RESOLVER, lambda: world.network.inside("client"), places.PORT,
                      SLOW_START_S)
        story.tell()
        one_sees(story, directors)
        for director in directors:
            came, went = director.packets()
            print(f"  {director.name}: {came} packets came for the VIP, {went} went back through the director")
            expected = went > 0 if director.name == "nat" else went == 0
            steps.expect("answers go through the director with NAT, and past it otherwise", came and expected, went)
    except BaseException:
        print(server.logs())
        raise
    finally:
        for director in directors:
            director.keepalived.stop()
        server.close()
        world.close()


steps.run(lab)
