// part[g, c] = (mean, M2) of x over the g-th ROWS rows. Within it, every 64 rows are summed as differences to their first row
// (no cancellation when the mean is far from 0) and merged. A lane owns a column of V. Dispatch: (columns / LANES, rows / ROWS).
struct Params { rows: u32, columns: u32, stride: u32, offset: u32 }
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> part: array<V>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let end = min((group.y + 1u) * ROWS, P.rows);
  var all = Moments();
  for (var r0 = group.y * ROWS; r0 < end; r0 += 64u) {
    let last = min(r0 + 64u, end);
    let base = x[r0 * P.stride + P.offset + c];
    var sum = V();
    var squares = V();
    for (var r = r0 + 1u; r < last; r++) {
      let d = x[r * P.stride + P.offset + c] - base;
      sum += d;
      squares += d * d;
    }
    let count = f32(last - r0);
    let shift = sum / count;
    all = merge(all, Moments(count, base + shift, max(squares - sum * shift, V())));
  }
  part[(group.y * P.columns + c) * 2u] = all.mean;
  part[(group.y * P.columns + c) * 2u + 1u] = all.m2;
}
