// dx: see through.wgsl; constant and by_x are k[c].xy and k[c].zw, from `backward_finish`. A lane owns a column of V. Dispatch:
// (columns / LANES, rows / rows_each).
struct Params {
  rows: u32, columns: u32, x_stride: u32, x_offset: u32, dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32,
  h: u32, w: u32, dy_part: u32, rows_each: u32, accumulate: u32, veil: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> pack: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<S>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  var of_each: array<vec4f, WIDTH>;
  for (var i = 0u; i < WIDTH; i++) { of_each[i] = k[c * WIDTH + i]; }
  let terms = across(of_each);
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  pass_through(channel(c), Pair(terms[0], terms[1]), Pair(terms[2], terms[3]), group.y * P.rows_each, last, c);
}
