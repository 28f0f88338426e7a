enable subgroups;
// c[m, n] = sum over k of a[m, k] * b[k, n], for sizes known beforehand: M rows, N4 vectors of columns, K.
// A subgroup is a workgroup and owns TM rows x TN * LANES vectors; a lane loads one of every LANES rows and lends it to all.
// Dispatch: (N4 / (LANES * TN), M / TM), the rows rounded up.
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * TM;
  let n0 = group.x * LANES * TN + lane;
  var row: array<u32, TM / LANES>;
  for (var r = 0u; r < TM / LANES; r++) { row[r] = min(m0 + LANES * r + lane, M - 1u) * K; }
  var sum: array<array<vec4f, TN>, TM>;
  for (var k = 0u; k < K; k++) {
    var left: array<f32, TM / LANES>;
    for (var r = 0u; r < TM / LANES; r++) { left[r] = a[row[r] + k]; }
    var right: array<vec4f, TN>;
    for (var j = 0u; j < TN; j++) { right[j] = b[k * N4 + n0 + LANES * j]; }
    for (var r = 0u; r < TM / LANES; r++) {
      for (var i = 0u; i < LANES; i++) {
        let v = subgroupShuffle(left[r], i);
        for (var j = 0u; j < TN; j++) { sum[LANES * r + i][j] += v * right[j]; }
      }
    }
  }
  for (var i = 0u; i < TM; i++) {
    if (m0 + i >= M) { break; }
    for (var j = 0u; j < TN; j++) { c[(m0 + i) * N4 + n0 + LANES * j] = sum[i][j]; }
  }
}
