// y[r, c] (+)= sum over k in [row_pointers[r], row_pointers[r + 1]) of values[k] * x[columns[k], c]; 64 summands at a time.
// A lane owns one column of V of a row. Dispatch: (columns / LANES, rows).
struct Params { columns: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32, accumulate: u32 }
@group(0) @binding(0) var<storage, read> row_pointers: array<u32>;
@group(0) @binding(1) var<storage, read> column_indices: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<V>;
@group(0) @binding(4) var<storage, read_write> y: array<V>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let r = group.y;
  let end = row_pointers[r + 1u];
  var total = V();
  for (var k0 = row_pointers[r]; k0 < end; k0 += 64u) {
    var sum = V();
    for (var k = k0; k < min(k0 + 64u, end); k++) {
      sum += values[k] * x[P.x_offset + column_indices[k] * P.x_stride + c];
    }
    total += sum;
  }
  let at = P.y_offset + r * P.y_stride + c;
  if (P.accumulate == 1u) { total += y[at]; }
  y[at] = total;
}
