enable subgroups;
// dw[ky, kx, c, o] = sum over n, oy, ox of x[n, oy - PAD + ky, ox - PAD + kx, c] * dy[n, oy, ox, o], stride 1, for sizes known
// beforehand: N maps H x H, CI and CO4 vectors of channels, kernel KS = 2 PAD + 1.
// As matmul.wgsl, with the input channels of one tap for rows: the image's border becomes the limits of the loops.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tap = group.y / (CI / TM);
  let c0 = group.y % (CI / TM) * TM;
  let n0 = group.x * LANES * TN + lane;
  let down = i32(tap / KS) - i32(PAD);
  let right = i32(tap % KS) - i32(PAD);
  let size = i32(H);
  var sum: array<array<vec4f, TN>, TM>;
  for (var n = 0; n < i32(N); n++) {
    for (var oy = max(0, -down); oy < min(size, size - down); oy++) {
      for (var ox = max(0, -right); ox < min(size, size - right); ox++) {
        let at = u32((n * size + oy + down) * size + ox + right) * CI + c0 + lane;
        var a: array<f32, TM / LANES>;
        for (var r = 0u; r < TM / LANES; r++) { a[r] = x[at + LANES * r]; }
        var b: array<vec4f, TN>;
        for (var j = 0u; j < TN; j++) { b[j] = dy[u32((n * size + oy) * size + ox) * CO4 + n0 + LANES * j]; }
        for (var r = 0u; r < TM / LANES; r++) {
          for (var i = 0u; i < LANES; i++) {
            let v = subgroupShuffle(a[r], i);
            for (var j = 0u; j < TN; j++) { sum[LANES * r + i][j] += v * b[j]; }
          }
        }
      }
    }
  }
  for (var i = 0u; i < TM; i++) {
    for (var j = 0u; j < TN; j++) { dw[(tap * CI + c0 + i) * CO4 + n0 + LANES * j] = sum[i][j]; }
  }
}
