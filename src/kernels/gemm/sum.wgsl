// C[m, n] = sum over z of partial[z, m, n], in order of z. Dispatch: (rows * columns / 64) workgroups.
@group(0) @binding(7) var<storage, read> partial: array<V>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = P.rows * P.columns;
  let i = group.x * 64u + lane;
  if (i >= size) { return; }
  var sum = V();
  for (var z = 0u; z < PARTS; z++) { sum += partial[z * size + i]; }
  store(i / P.columns, i % P.columns, 0u, sum);
}
