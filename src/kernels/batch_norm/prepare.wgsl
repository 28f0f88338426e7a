// The pack (see pack.wgsl) by a batch's statistics, which stats has: (mean, biased variance) in pairs; those of columns fresh_from
// to fresh_to get there first, from the parts of `statistics`. A lane owns a channel.
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

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  let column = P.first + c;
  if (column >= P.fresh_from && column < P.fresh_to) {
    var all = Merged();
    for (var p = 0u; p < P.parts; p++) { take(&all, p, part_of(p, column)); }
    stats[column] = statistics_of(all);
  }
  hand_out(c, stats[column]);
}
