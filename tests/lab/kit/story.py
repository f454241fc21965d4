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
# A slow start must be seen at this many different parts before the whole.
RAMP_STEPS_MIN = 4
# The name of the server at the next site.
SPARE = "iad"


class Director:
    """A director of a lab. The name that leads to it is NAME.example.com; its reals are RealServers by weight."""

    # Whether something there takes dead reals out; if not, requests to them fail.
    heals = True

    def __init__(self, name, vip, reals):
        self.name, self.vip, self.reals = name, vip, reals
        self.owner = f"{name}.example.com"

    def revive(self, real):
        real.start()

    def kill(self, real):
        real.kill()


class Story:
    """Tells it of these directors at once. `client` gives the context in which clients ask and fetch."""

    def __init__(self, server, directors, resolver, client, port, slow_start_s):
        self.server, self.directors, self.port = server, directors, port
        self.resolver, self.client, self.slow_start_s = resolver, client, slow_start_s
        self.table = steps.Table(step=14, director=10, vip_gets=8, expected=8, after=7, site=10, endpoint=10,
                                 requests_answered_by=0)

    def tell(self):
        self.step("all up", lambda director, real: None, lambda director: director.reals)
        self.step("one dies", self.kill(1), lambda director: [director.reals[0], director.reals[2]])
        self.step("enough die", self.kill(0), lambda director: [])
        self.slow_start()
        self.step("all returned", lambda director, real: None, lambda director: director.reals)

    def kill(self, place):
        return lambda director, real: director.kill(real) if real is director.reals[place] else None

    def step(self, title, act, serving):
        """Acts on every real, and waits until each VIP has the part that the serving reals stand for."""
        began = time.monotonic()
        for director in self.directors:
            for real in director.reals:
                act(director, real)
        for director in self.directors:
            live = serving(director)
            expected = sum(real.weight for real in live) / sum(real.weight for real in director.reals)

            def look():
                part = self.part(director)
                return abs(part - expected) <= (TOLERANCE if 0 < expected < 1 else 0) and (part,), f"{part:.1%}"

            part, = steps.wait(f"{expected:.0%} of the answers for {director.owner} to be the VIP", look)
            after = time.monotonic() - began
            got = self.requests(director, live)
            self.table.row(title, director.name, f"{part:.1%}", f"{expected:.0%}", f"{after:.1f} s",
                           *self.standing(director), ", ".join(f"{name} {count}" for name, count in sorted(got.items())))

    def slow_start(self):
        began = time.monotonic()
        for director in self.directors:
            for real in director.reals[:2]:
                director.revive(real)
        seen = {director: [(0.0, 0.0)] for director in self.directors}
        deadline = began + self.slow_start_s + 2 * steps.PATIENCE_S
        while any(parts[-1][1] < 1 for parts in seen.values()):
            steps.expect("the whole is reached in time", time.monotonic() < deadline, self.shown(seen))
            for director, parts in seen.items():
                part = self.part(director)
                steps.expect(f"the part of {director.name} only grows", part >= parts[-1][1], self.shown(seen))
                if part > parts[-1][1]:
                    parts.append((time.monotonic() - began, part))
            time.sleep(steps.LOOK_S)
        for director, parts in seen.items():
            between = [part for _, part in parts if 0 < part < 1]
            steps.expect("it grows by steps", len(between) >= RAMP_STEPS_MIN, self.shown(seen))
            took = parts[-1][0] - parts[1][0]
            steps.expect("it takes its time", took >= 0.6 * self.slow_start_s, f"{took:.1f} s, {self.shown(seen)}")
            self.table.row("they return", director.name, "100.0%", "by steps", f"{parts[-1][0]:.1f} s",
                           *self.standing(director), "")
        for director, parts in seen.items():
            print(f"  slow start of {director.name}: "
                  + ", ".join(f"{part:.0%} at {at:.1f} s" for at, part in thinned(parts[1:])))

    def shown(self, seen):
        return "; ".join(director.name + " " + ", ".join(f"{part:.0%}" for _, part in parts)
                         for director, parts in seen.items())

    def part(self, director):
        """The part of the client networks that get the VIP, and nothing beside it."""
        with self.client():
            answers = dns.ask_all(self.resolver, director.owner, NETWORKS)
        for answer in answers:
            steps.expect("every answer has one address", answer.rcode == 0 and len(answer.addresses) == 1, answer)
        return sum(answer.addresses == [director.vip] for answer in answers) / len(answers)

    def requests(self, director, live):
        """Does as clients do: asks, goes where the answer says, and notes who answered."""
        got = collections.Counter()
        with self.client():
            for answer in dns.ask_all(self.resolver, director.owner, NETWORKS[:REQUESTS]):
                try:
                    got[fetch(answer.addresses[0], self.port)] += 1
                except OSError:
                    got["failed"] += 1
        names = {real.name for real in live}
        steps.expect("every live real server answers requests", names <= set(got), dict(got))
        allowed = names | ({SPARE} if len(live) < len(director.reals) else set())
        allowed |= {"failed"} if live and len(live) < len(director.reals) and not director.heals else set()
        steps.expect("nobody else answers, and no request fails", set(got) <= allowed, dict(got))
        return got

    def standing(self, director):
        """What the server's API says: of the site in the pool, and of the endpoint."""
        for pool in self.server.status()["pools"]:
            if pool["pool"] == director.name:
                level = {site["site"]: site["level"] for site in pool["families"][0]["sites"]}["fra"]
                endpoint = next(one for one in pool["endpoints"] if one["site"] == "fra")
                return level, endpoint["families"][0]["standing"]
        raise steps.Failed(f"the API does not tell of pool {director.name}")


def thinned(parts, most=8):
    """At most so many of them, the first and the last among them."""
    if len(parts) <= most:
        return parts
    return [parts[round(i * (len(parts) - 1) / (most - 1))] for i in range(most)]
