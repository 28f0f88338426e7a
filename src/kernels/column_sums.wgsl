// part[g, c] = sum of x[r, c] over the g-th ROWS rows, 64 rows at a time. A lane a column of V. Dispatch: (columns / LANES, rows / ROWS).
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> part: array<V>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let end = min((group.y + 1u) * ROWS, P.rows);
  var total = V();
  for (var r0 = group.y * ROWS; r0 < end; r0 += 64u) {
    var sum = V();
    for (var r = r0; r < min(r0 + 64u, end); r++) { sum += V(x[r * P.x_stride + P.x_offset + c]); }
    total += sum;
  }
  part[group.y * P.columns + c] = total;
}
