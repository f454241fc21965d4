// Equal Earth: every square kilometre gets the same area on the page, so no continent looks busier than it is.
// B. Šavrič, T. Patterson, B. Jenny: The Equal Earth map projection, 2018, equations 1 to 3.

const A = [1.340264, -0.081106, 0.000893, 0.003796];
const M = Math.sqrt(3) / 2;
const RAD = Math.PI / 180;

/** Degrees to the plane: x to the east, y to the south, the equator's half at 2.7066. */
export function project(latitude, longitude) {
  const t = Math.asin(M * Math.sin(latitude * RAD));
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  const x = (longitude * RAD * Math.cos(t)) / (M * (A[0] + 3 * A[1] * t2 + t6 * (7 * A[2] + 9 * A[3] * t2)));
  const y = t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
  return [x, -y];
}

/** The shortest way over the globe as points in degrees, both ends included. */
export function greatCircle([latA, lonA], [latB, lonB], steps = 64) {
  const a = toVector(latA, lonA);
  const b = toVector(latB, lonB);
  const cosine = Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(cosine);
  // The same place, or the opposite one, to which every way is shortest.
  if (angle < 1e-6 || Math.PI - angle < 1e-6) return [[latA, lonA], [latB, lonB]];
  const points = [];
  for (let i = 0; i <= steps; i++) {
    const f = i / steps;
    const p = Math.sin((1 - f) * angle) / Math.sin(angle);
    const q = Math.sin(f * angle) / Math.sin(angle);
    const [x, y, z] = [0, 1, 2].map((axis) => p * a[axis] + q * b[axis]);
    points.push([Math.atan2(z, Math.hypot(x, y)) / RAD, Math.atan2(y, x) / RAD]);
  }
  return points;
}

function toVector(latitude, longitude) {
  const [p, l] = [latitude * RAD, longitude * RAD];
  return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
}
