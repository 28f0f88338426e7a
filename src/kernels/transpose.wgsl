// y[b, c, r] = x[b, r, c]: `batch` matrices of rows x columns. Dispatch: (columns / 16, rows / 16, batch).
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = group.z * P.rows * P.columns;
  let c = group.x * 16u + lane;
  if (c >= P.columns) { return; }
  let last = min((group.y + 1u) * 16u, P.rows);
  for (var r = group.y * 16u; r < last; r++) { y[base + c * P.rows + r] = x[base + r * P.columns + c]; }
}
