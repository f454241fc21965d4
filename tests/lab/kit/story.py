"""The story that every lab tells, of one director or of several at once.

    all up          the VIP takes every client network, and every real server gets requests
    one dies        the site gets the part of the networks that its live weight stands for; the next site has the rest
    enough die      less than `min_up` lives: the VIP leaves the answers
    they return     slow start: the part grows by steps, up to the whole

What is measured is what clients get: the part of many client networks (told by EDNS Client Subnet) that are answered
with the VIP, and the servers that answer HTTP at the address that DNS gave. The server's API is asked beside it.
"""

import collections
import time

from . import dns, steps
from .web import fetch

# Client networks that are asked for, and how far a share may be off: three standard deviations of drawing one half.
NETWORKS = dns.networks(512)
TOLERANCE = 3 * (0.25 / len(NETWORKS)) ** 0.5
# Requests made in each step, from as many client networks.
REQUESTS = 32
# A slow start must be seen at this many different parts before the whole; who is slow sees fewer.
RAMP_STEPS_MIN = 3 if steps.SLOWNESS == 1 else 1
# As the labs' pools and directors have it.
MIN_UP = 0.5
# The name of the server at the next site.
SPARE = "iad"


class Director:
    """A director of a lab. The name that leads to it is NAME.example.com; its reals are RealServers by weight."""

    # Whether something there takes dead reals out; if not, requests to them fail.
    heals = True
    # Who says which reals live, as the server's API puts it.
    source = "feed"

    def __init__(self, name, vip, reals):
        self.name, self.vip, self.reals = name, vip, reals
        self.owner = f"{name}.example.com"
        self.kind = dns.TYPE_AAAA if ":" in vip else dns.TYPE_A

    def revive(self, real):
        real.start()

    def kill(self, real):
        real.kill()

    def settle(self, live):
        """Waits until what stands at the VIP sends to these reals alone."""


class Story:
    """Tells it of these directors at once. `client` gives the context in which clients ask and fetch."""

    def __init__(self, server, directors, resolver, client, port, slow_start_s):
        self.server, self.directors, self.port = server, directors, port
        self.resolver, self.client, self.slow_start_s = resolver, client, slow_start_s
        self.table = steps.Table(step=13, director=8, live=6, says=6, expected=8, vip_gets=8, after=6, endpoint=8,
                                 requests_answered_by=0)

    def tell(self):
        self.step("all up", live=[0, 1, 2])
        self.step("one dies", kill=1, live=[0, 2])
        self.step("enough die", kill=0, live=[2])
        self.slow_start()
        self.step("all returned", live=[0, 1, 2])

    def step(self, title, live, **doing):
        """Does something to a real of each director (`kill=1`: its method `kill` to the second), and waits until its VIP
        has the part that those still alive stand for."""
        began = time.monotonic()
        for director in self.directors:
            for deed, place in doing.items():
                getattr(director, deed)(director.reals[place])
        for director in self.directors:
            reals = [director.reals[place] for place in live]
            share = sum(real.weight for real in reals) / sum(real.weight for real in director.reals)
            expected = share if share >= MIN_UP else 0

            def look():
                part = self.part(director)
                return abs(part - expected) <= (TOLERANCE if 0 < expected < 1 else 0) and (part,), f"{part:.1%}"

            part, = steps.wait(f"{expected:.0%} of the answers for {director.owner} to be the VIP", look)
            after = time.monotonic() - began
            said, endpoint = self.said(director)
            steps.expect(f"the API says that {share:.0%} of {director.name} live", said["live"] == share, said)
            steps.expect(f"the API says so by {director.source}", said["source"] == director.source, said)
            director.settle(reals)
            got = self.requests(director, reals, expected)
            self.table.row(title, director.name, f"{said['live']:.0%}", said["source"], f"{expected:.0%}",
                           f"{part:.1%}", f"{after:.1f} s", endpoint["standing"], words(got))

    def slow_start(self):
        began = time.monotonic()
        for director in self.directors:
            for real in director.reals[:2]:
                director.revive(real)
        seen = {director: [(0.0, 0.0)] for director in self.directors}
        phases = {director: set() for director in self.directors}
        deadline = began + self.slow_start_s + steps.SLOWNESS * steps.PATIENCE_S
        while any(parts[-1][1] < 1 for parts in seen.values()):
            steps.expect("the whole is reached in time", time.monotonic() < deadline, shown(seen))
            for director, parts in seen.items():
                # Fewer than elsewhere: on a slow host the steps are to be seen one by one.
                part = self.part(director, NETWORKS[::4])
                steps.expect(f"the part of {director.name} only grows", part >= parts[-1][1], shown(seen))
                if part > parts[-1][1]:
                    parts.append((time.monotonic() - began, part))
                phases[director].add((self.said(director)[1]["comeback"] or {}).get("phase"))
            time.sleep(steps.LOOK_S)
        for director, parts in seen.items():
            between = [part for _, part in parts if 0 < part < 1]
            steps.expect("it grows by steps", len(between) >= RAMP_STEPS_MIN, shown(seen))
            took = parts[-1][0]
            steps.expect("it takes its time", took >= 0.6 * self.slow_start_s, f"{took:.1f} s, {shown(seen)}")
            steps.expect("the API says that it is ramping", "ramping" in phases[director], phases[director])
            print(f"they return   {director.name}: "
                  + ", ".join(f"{part:.0%} at {at:.1f} s" for at, part in thinned(parts[1:])))

    def part(self, director, networks=NETWORKS):
        """The part of the client networks that get the VIP; the others get the next site."""
        with self.client():
            answers = dns.ask_all(self.resolver, director.owner, networks, director.kind)
        for answer in answers:
            steps.expect("every answer has one address", answer.rcode == 0 and len(answer.addresses) == 1, answer)
        return sum(answer.addresses == [director.vip] for answer in answers) / len(answers)

    def requests(self, director, live, expected):
        """Does as clients do: asks, goes where the answer says, and counts who answered there."""
        got = collections.Counter()
        with self.client():
            for answer in dns.ask_all(self.resolver, director.owner, NETWORKS[:REQUESTS], director.kind):
                try:
                    got[fetch(answer.addresses[0], self.port)] += 1
                except OSError:
                    got["failed"] += 1
        wanted = {real.name for real in live} if expected > 0 else set()
        allowed = wanted | ({SPARE} if expected < 1 else set())
        if 0 < expected < 1 and not director.heals:
            allowed.add("failed")
        steps.expect("every live real server answers requests", wanted <= set(got), words(got))
        steps.expect("nobody else answers, and no request fails", set(got) <= allowed, words(got))
        return got

    def said(self, director):
        """What the server's API says of the director, and of the endpoint that stands for it."""
        status = self.server.status()
        directors = [one for one in status["directors"] if one["director"] == director.name]
        endpoints = [endpoint["families"][0] for pool in status["pools"] if pool["pool"] == director.name
                     for endpoint in pool["endpoints"] if endpoint["families"][0]["address"] == director.vip]
        steps.expect("the API tells of the director and its endpoint", len(directors) == len(endpoints) == 1, status)
        return directors[0], endpoints[0]


def words(counted):
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def shown(seen):
    return "; ".join(director.name + " " + ", ".join(f"{part:.0%}" for _, part in parts)
                     for director, parts in seen.items())


def thinned(parts, most=8):
    """At most so many of them, the first and the last among them."""
    if len(parts) <= most:
        return parts
    return [parts[round(i * (len(parts) - 1) / (most - 1))] for i in range(most)]
