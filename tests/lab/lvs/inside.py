"""The lab in the machine: LVS in NAT, DR and TUN between namespaces, by the rules that Fingerpost renders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from balancer import Balancer
from kit import places, steps
from kit.fingerpost import Fingerpost
from kit.story import Director, Story
from kit.web import with_port
from pair import Pair

SITES = ["nat", "dr", "tun", "dr6", "pair"]
SLOW_START_S = 20
AGENT_PORT = 8054


class Lvs(Director):
    """A director whose table keepalived keeps: it takes a dead real server out, and puts it back."""

    def __init__(self, site, balancer):
        super().__init__(site.name, site.vip, site.reals)
        self.balancer, self.mode = balancer, site.plan.mode
        # What its own packets to the reals have as their source.
        self.own = site.gateway or site.addresses[0]

    def settle(self, live):
        self.balancer.settle(live)

    def cut(self, real):
        """From now on the real's answers to its director are lost, and to nobody else."""
        self.balancer.network.ip(real.host, f"route add blackhole {self.own}")

    def join(self, real):
        self.balancer.network.ip(real.host, f"route del blackhole {self.own}")


def set_up(world, server):
    """Sets up all hosts, and starts agents and keepalived on the directors'. Returns these, by site."""
    balancers = {}
    for site in world.sites:
        for name, host, address, files in zip(site.names, site.hosts, site.addresses,
                                              site.configure(server, "keepalived")):
            files |= site.rendered(server, name, "ipvsadm")
            balancer = Balancer(name, world.network, host, site.vip, site.reals, files, server.home)
            balancers.setdefault(site, []).append(balancer)
            server.spawn("director", "agent", "--listen", with_port(address, AGENT_PORT),
                         "--token-file", "agent.token", host=host)
    return balancers


def one_sees(story, directors):
    """What only keepalived sees: a real that its director does not reach, while Fingerpost's own probes do."""
    story.step("one is cut off", cut=1, live=[0, 2])
    for director in directors:
        cut = next(real for real in story.said(director)[0]["reals"] if real["name"] == director.reals[1].name)
        steps.expect("own probes reach it", cut["check"]["verdict"] == "up", cut)
        steps.expect("it is down all the same", cut["state"] == "down", cut)
    story.step("it is joined", join=1, live=[0, 1, 2])


def counters(directors):
    for director in directors:
        came, went = director.balancer.packets()
        print(f"  {director.name}: {came} packets came for the VIP, {went} went back through the director")
        expected = went > 0 if director.mode == "nat" else went == 0
        steps.expect("answers go through the director with NAT, and past it otherwise", came and expected, went)


def lab():
    steps.versions(["uname", "-sr"], ["ipvsadm", "--version"], ["keepalived", "--version"])
    world = places.Places("lvs", SITES)
    server = Fingerpost(Path(__file__).parent, world.network, "ns")
    balancers = {}
    try:
        world.start()
        balancers = set_up(world, server)
        for balancer in sum(balancers.values(), []):
            balancer.start()
        server.serve()

        def client():
            return world.network.inside("client")

        directors = [Lvs(site, *its) for site, its in balancers.items() if len(its) == 1]
        story = Story(server, directors, places.RESOLVER, client, places.PORT, SLOW_START_S)
        story.tell()
        one_sees(story, directors)
        counters(directors)
        for site, its in balancers.items():
            if len(its) == 2:
                Pair(server, site, its, client).tell()
    except BaseException:
        print(server.logs())
        raise
    finally:
        for balancer in sum(balancers.values(), []):
            balancer.keepalived.stop()
        server.close()
        world.close()


steps.run(lab)
