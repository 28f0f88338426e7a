// part[g, c] = (mean, M2) of x over the g-th ROWS rows, summed as differences d to a value near the mean, so that
// M2 = sum d^2 - (sum d)^2 / n hardly cancels; 64 rows at a time. A lane owns a column of V. Dispatch: (columns / LANES, rows / ROWS).
struct Params { rows: u32, columns: u32, x_stride: u32, x_offset: u32, veil: u32 }
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> part: array<Pair>;
@group(0) @binding(2) var<uniform> P: Params;

// The mean of seven rows of these; of equal values, that value.
fn rough_mean(first: u32, end: u32, column: u32) -> V {
  let base = V(x[first * P.x_stride + column]);
  var sum = V();
  for (var k = 1u; k < 7u; k++) { sum += V(x[(first + (end - first) * k / 7u) * P.x_stride + column]) - base; }
  return base + sum / 7.0;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LANES + lane;
  if (c >= P.columns) { return; }
  let first = group.y * ROWS;
  let end = min(first + ROWS, P.rows);
  let near = rough_mean(first, end, P.x_offset + c);
  var sum = Pair();
  var squares = Pair();
  for (var r0 = first; r0 < end; r0 += 64u) {
    let last = min(r0 + 64u, end);
    var s = Pair();
    var q = Pair();
    for (var r = r0; r < last; r++) {
      let d = difference(V(x[r * P.x_stride + P.x_offset + c]), near);
      s = add(s, d);
      q = add(q, multiply(d, d));
    }
    sum = add(sum, s);
    squares = add(squares, q);
  }
  let shift = over(sum, single(V(f32(end - first))));
  part[(group.y * P.columns + c) * 2u] = plus(single(near), shift);
  part[(group.y * P.columns + c) * 2u + 1u] = plus(squares, minus(times(sum, shift)));
}
