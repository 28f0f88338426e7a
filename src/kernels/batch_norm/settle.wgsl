// dx[r, c] += owed[c].xy + owed[c].zw * (x[r, c] - mean[c]): what batch norms of x owe its gradient (see backward_finish), added up.
// dx lies as x does. A lane owns a column of V. Dispatch: (columns / LANES, rows / rows_each).
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, rows_each: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> owed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<S>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  var a: array<vec4f, WIDTH>;
  var b: array<vec4f, WIDTH>;
  for (var k = 0u; k < WIDTH; k++) {
    a[k] = stats[P.x_offset * WIDTH + c * WIDTH + k];
    b[k] = owed[P.x_offset * WIDTH + c * WIDTH + k];
  }
  let mean = across(a)[0];
  let terms = across(b);
  let last = min((group.y + 1u) * P.rows_each, P.rows);
  for (var r = group.y * P.rows_each; r < last; r++) {
    let at = r * P.x_stride + P.x_offset + c;
    dx[at] = S(V(dx[at]) + (terms[0] + terms[2] * (V(x[at]) - mean)));
  }
}
