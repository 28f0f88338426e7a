// `statistics` and `prepare` at once, for few rows: of columns fresh_from to fresh_to of x the moments of parts of rows_each rows are
// taken here. A lane owns a channel, and of its parts every SHARES-th. Dispatch: (channels / LANES).
struct Params {
  channels: u32, first: u32, eps: f32, rows: u32, rows_each: u32, fresh_from: u32, fresh_to: u32, to: u32, x_stride: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> pack: array<vec2f>;
@group(0) @binding(6) var<uniform> P: Params;

var<workgroup> parts_of: array<vec4f, LANES * SHARES>;

fn part_of(p: u32, column: u32) -> vec4f {
  let first = p * P.rows_each;
  let own = moments_of(first, min(first + P.rows_each, P.rows), column);
  return vec4f(own.mean.hi, own.mean.lo, own.squares.hi, own.squares.lo);
}

@compute @workgroup_size(LANES, SHARES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let c = group.x * LANES + local.x;
  let column = P.first + c;
  let begin = P.first + group.x * LANES;
  let fresh = c < P.channels && column >= P.fresh_from && column < P.fresh_to;
  var all = Merged();
  if (begin < P.fresh_to && begin + LANES > P.fresh_from) {
    let own = clamp(column, P.fresh_from, P.fresh_to - 1u);
    let parts = (P.rows + P.rows_each - 1u) / P.rows_each;
    for (var p0 = 0u; p0 < parts; p0 += SHARES) {
      let p = p0 + local.y;
      if (SHARES == 1u) {
        take(&all, p, part_of(p, own));
      } else {
        if (p < parts) { parts_of[local.y * LANES + local.x] = part_of(p, own); }
        workgroupBarrier();
        for (var s = 0u; s < min(SHARES, parts - p0); s++) { take(&all, p0 + s, parts_of[s * LANES + local.x]); }
        workgroupBarrier();
      }
    }
  }
  if (c >= P.channels || local.y != 0u) { return; }
  if (fresh) { stats[column] = statistics_of(all); }
  hand_out(c, stats[column]);
}
