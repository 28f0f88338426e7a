enable subgroups;
// y[n, oy, ox, o] = sum over ky, kx, c of w[ky, kx, c, o] * x[n, oy - 1 + ky, ox - 1 + kx, c], zero outside the image, for
// sizes known beforehand: M pixels of maps H x H, CI and CO4 vectors of channels.
// As matmul.wgsl, with pixels for rows; a tap outside the image loads from 0 and is multiplied by 0.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * TM;
  let n0 = group.x * LANES * TN + lane;
  var image: array<u32, TM / LANES>;
  var top: array<i32, TM / LANES>;
  var left: array<i32, TM / LANES>;
  for (var r = 0u; r < TM / LANES; r++) {
    let m = min(m0 + LANES * r + lane, M - 1u);
    image[r] = m / (H * H) * (H * H);
    top[r] = i32(m / H % H) - 1;
    left[r] = i32(m % H) - 1;
  }
  var sum: array<array<vec4f, TN>, TM>;
  for (var tap = 0u; tap < 9u; tap++) {
    var at: array<u32, TM / LANES>;
    var mask: array<f32, TM / LANES>;
    for (var r = 0u; r < TM / LANES; r++) {
      let iy = u32(top[r] + i32(tap / 3u));
      let ix = u32(left[r] + i32(tap % 3u));
      let inside = iy < H && ix < H;
      at[r] = select(0u, (image[r] + iy * H + ix) * CI, inside);
      mask[r] = select(0.0, 1.0, inside);
    }
    for (var q = 0u; q < CI; q++) {
      var a: array<f32, TM / LANES>;
      for (var r = 0u; r < TM / LANES; r++) { a[r] = mask[r] * x[at[r] + q]; }
      var b: array<vec4f, TN>;
      for (var j = 0u; j < TN; j++) { b[j] = w[(tap * CI + q) * CO4 + n0 + LANES * j]; }
      for (var r = 0u; r < TM / LANES; r++) {
        for (var i = 0u; i < LANES; i++) {
          let v = subgroupShuffle(a[r], i);
          for (var j = 0u; j < TN; j++) { sum[LANES * r + i][j] += v * b[j]; }
        }
      }
    }
  }
  for (var i = 0u; i < TM; i++) {
    if (m0 + i >= M) { break; }
    for (var j = 0u; j < TN; j++) { y[(m0 + i) * CO4 + n0 + LANES * j] = sum[i][j]; }
  }
}
