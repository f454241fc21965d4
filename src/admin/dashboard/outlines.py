#!/usr/bin/env python3
"""Makes page/land.json, the outlines of the world's land on the dashboard's map.

Source: Natural Earth's "land" at 1:110 million, version 4.1.0, in the public domain (naturalearthdata.com), as it is
packed in the npm package world-atlas 2 (`npm pack world-atlas@2`, file land-110m.json, a TopoJSON topology).

    outlines.py land-110m.json > page/land.json

A ring is written as tenths of a degree, longitude and latitude of its first point and then differences; a point that
falls on its predecessor goes, and so do islands of less than a few pixels and Antarctica, which the map leaves out.
"""
import json
import sys

STEPS_PER_DEGREE = 10
# Square degrees below which a ring is not worth its bytes.
AREA_MIN = 0.8
# A ring that lies wholly south of this is Antarctica.
SOUTH_DEG = -60


def arcs(topology):
    """Every arc of the topology as points in degrees."""
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + shift_x, y * scale_y + shift_y))
        yield points


def rings(topology):
    """Every ring of the land as points in degrees; a negative index is an arc walked backwards."""
    known = list(arcs(topology))
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            for ring in polygon:
                points = []
                for index in ring:
                    arc = known[index] if index >= 0 else known[~index][::-1]
                    points.extend(arc[1:] if points else arc)
                yield points


def sides(points):
    """The ring in one piece, or in the two that the 180th meridian parts it into."""
    unwrapped = [points[0]]
    for longitude, latitude in points[1:]:
        turns = round((unwrapped[-1][0] - longitude) / 360)
        unwrapped.append((longitude + 360 * turns, latitude))
    if all(-180 <= longitude <= 180 for longitude, _ in unwrapped):
        return [points]
    shifted = {360 * turn for turn in (-1, 0, 1)}
    pieces = ([(x + by, y) for x, y in unwrapped] for by in shifted)
    clipped = (clip(clip(piece, 180, 1), -180, -1) for piece in pieces)
    return [piece for piece in clipped if piece]


def clip(points, longitude, sign):
    """What of a ring lies on one side of a meridian: west of it for sign 1, east for -1 (Sutherland and Hodgman)."""
    kept = []
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
        inside0, inside1 = sign * x0 <= sign * longitude, sign * x1 <= sign * longitude
        if inside0:
            kept.append((x0, y0))
        if inside0 != inside1:
            kept.append((longitude, y0 + (y1 - y0) * (longitude - x0) / (x1 - x0)))
    return kept


def area(points):
    """Twice-summed cross products: square degrees, without sign."""
    pairs = zip(points, points[1:] + points[:1])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def steps(points):
    """First point, then differences, in steps."""
    flat, last = [], None
    for longitude, latitude in points:
        point = (round(longitude * STEPS_PER_DEGREE), round(latitude * STEPS_PER_DEGREE))
        if last is None:
            flat.extend(point)
        elif point != last:
            flat.extend((point[0] - last[0], point[1] - last[1]))
        last = point
    return flat


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        topology = json.load(file)
    pieces = [piece for ring in rings(topology) for piece in sides(ring)]
    kept = [ring for ring in pieces if area(ring) >= AREA_MIN and max(y for _, y in ring) > SOUTH_DEG]
    lines = ",\n".join(json.dumps(steps(ring), separators=(",", ":")) for ring in kept)
    source = "Natural Earth 1:110m land, public domain; made by outlines.py"
    print(f'{{"source":{json.dumps(source)},"steps_per_degree":{STEPS_PER_DEGREE},"rings":[\n{lines}\n]}}')


main()
