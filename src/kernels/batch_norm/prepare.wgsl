// The pack (see pack.wgsl) by a batch's statistics, which stats has: (mean, biased variance) in pairs; those of columns fresh_from
// to fresh_to get there first, from the parts of `statistics`. They are left for the running statistics too, the variance with
// n / (n - 1): moments[to + c] and, behind the means, moments[to + channels + c]. A lane owns a channel.
struct Params {
  channels: u32, first: u32, eps: f32, rows: u32, rows_each: u32, parts: u32, width: u32, fresh_from: u32, fresh_to: u32,
  to: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> pack: array<vec2f>;
@group(0) @binding(6) var<uniform> P: Params;

// The parts' lanes held `width` columns; a part's (mean, M2) in pairs are four of these.
fn part_of(p: u32, column: u32) -> vec4f {
  let c = column - P.fresh_from;
  let at = 4u * (p * (P.fresh_to - P.fresh_from) + c - c % P.width) + c % P.width;
  return vec4f(part[at], part[at + P.width], part[at + 2u * P.width], part[at + 3u * P.width]);
}
// Sets merge as Chan, Golub and LeVeque (1979) have it, here all at once: d is a part's mean less the first one's,
// mean = first + sum n d / sum n; M2 = sum M2 + sum n d^2 - (sum n d)^2 / sum n. In pairs, so that nothing cancels.
fn merged(column: u32) -> vec4f {
  let near = part_of(0u, column).x;
  var sum = Pair();
  var squares = Pair();
  for (var p = 0u; p < P.parts; p++) {
    let m = part_of(p, column);
    let d = plus(Pair(m.x, m.y), single(-near));
    let weighed = times(single(f32(min(P.rows - p * P.rows_each, P.rows_each))), d);
    sum = plus(sum, weighed);
    squares = plus(squares, plus(Pair(m.z, m.w), times(weighed, d)));
  }
  let rows = single(f32(P.rows));
  let shift = over(sum, rows);
  let mean = plus(single(near), shift);
  let variance = over(plus(squares, minus(times(sum, shift))), rows);
  let a = sum_of(mean.hi, mean.lo);
  let b = sum_of(variance.hi, variance.lo);
  return vec4f(a.hi, a.lo, b.hi, b.lo);
}


@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  let column = P.first + c;
  if (column >= P.fresh_from && column < P.fresh_to) { stats[column] = merged(column); }
  let batch = stats[column];
  let mean = Pair(batch.x, batch.y);
  let variance = Pair(batch.z, batch.w);
  let unbiased = times(variance, over(single(f32(P.rows)), single(f32(P.rows - 1u))));
  moments[P.to + c] = vec2f(mean.hi, mean.lo);
  moments[P.to + P.channels + c] = vec2f(unbiased.hi, unbiased.lo);
  write_pack(c, mean, variance);
}
