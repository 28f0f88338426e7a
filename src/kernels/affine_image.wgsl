// y[n, y, x, c] = table[byte, c], byte = image n at (u, v, c), or 0 outside; u = (a0 + a1 x + a2 y) >> 16 and
// v = (a3 + a4 x + a5 y) >> 16 in integers, then u becomes w - 1 - u where flip. Bytes are RGB, rows of pixels, packed in u32.
// A thread makes EACH pixels, 64 apart. Dispatch: (h * w / (64 EACH), n).
struct Params { h: u32, w: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> affine: array<i32>;
@group(0) @binding(2) var<storage, read> flip: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<E>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.y;
  let a = n * 6u;
  for (var k = 0u; k < EACH; k++) {
    let i = (group.x * EACH + k) * 64u + lane;
    if (i >= P.h * P.w) { return; }
    let row = i32(i / P.w);
    let column = i32(i % P.w);
    var u = (affine[a] + affine[a + 1u] * column + affine[a + 2u] * row) >> 16u;
    let v = (affine[a + 3u] + affine[a + 4u] * column + affine[a + 5u] * row) >> 16u;
    let inside = u >= 0 && v >= 0 && u < i32(P.w) && v < i32(P.h);
    if (flip[n] != 0u) { u = i32(P.w) - 1 - u; }
    let source = select(0u, ((n * P.h + u32(v)) * P.w + u32(u)) * 3u, inside);
    let to = (n * P.h * P.w + i) * 3u;
    for (var c = 0u; c < 3u; c++) {
      let byte = (images[(source + c) / 4u] >> ((source + c) % 4u * 8u)) & 255u;
      y[to + c] = E(table[select(0u, byte, inside) * 3u + c]);
    }
  }
}
