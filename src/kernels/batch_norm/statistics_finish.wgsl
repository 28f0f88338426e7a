// stats[first + c] = (mean, biased variance), pairs, from the parts of `statistics`, merged pairwise. A lane a column of V.
struct Params { rows: u32, columns: u32, parts: u32, first: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> part: array<Pair>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  // A binary counter of sets: level i holds 2^i parts.
  var level: array<Moments, 20>;
  for (var p = 0u; p < P.parts; p++) {
    let at = (p * P.columns + c) * 2u;
    var merged = Moments(f32(min(P.rows - p * ROWS, ROWS)), part[at], part[at + 1u]);
    var i = 0u;
    for (; ((p >> i) & 1u) == 1u; i++) { merged = merge(level[i], merged); }
    level[i] = merged;
  }
  var all = Moments();
  for (var i = 0u; i < 20u; i++) { if (((P.parts >> i) & 1u) == 1u) { all = merge(level[i], all); } }
  let mean = sum_of(all.mean.hi, all.mean.lo);
  let quotient = over(all.m2, single(V(all.count)));
  let variance = sum_of(quotient.hi, quotient.lo);
  for (var k = 0u; k < WIDTH; k++) {
    stats[P.first + c * WIDTH + k] =
      vec4f(lane_of(mean.hi, k), lane_of(mean.lo, k), lane_of(variance.hi, k), lane_of(variance.lo, k));
  }
}
