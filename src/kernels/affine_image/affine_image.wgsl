// y[n, y, x, c] = table[byte, c], byte = image n at (u, v, c), or 0 outside; u = (a0 + a1 x + a2 y) >> 16 and
// v = (a3 + a4 x + a5 y) >> 16 in integers, then u becomes w - 1 - u where flip. Bytes are RGB, rows of pixels, packed in u32.
// RECOLORED: bytes of an image are those of color.wgsl. ERASED: y is 0 in a box of each image, its x, y, width and height in erased.
// BGR: y's channels and the table's are B, G, R.
// MIXED: y = share[0] * that + share[1] * the same of image (images - 1 - n).
// A thread makes EACH pixels, 64 apart. Dispatch: (h * w / (64 EACH), n).
struct Params { h: u32, w: u32, n: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> affine: array<i32>;
@group(0) @binding(2) var<storage, read> flip: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<E>;
@group(0) @binding(5) var<uniform> P: Params;
@group(0) @binding(6) var<storage, read> color: array<i32>;
@group(0) @binding(7) var<storage, read> erased: array<i32>;
@group(0) @binding(8) var<storage, read> share: array<f32>;

// What pixel i of the result shows of image n.
fn shown(n: u32, i: u32) -> vec3f {
  let row = i32(i / P.w);
  let column = i32(i % P.w);
  let a = n * 6u;
  var u = (affine[a] + affine[a + 1u] * column + affine[a + 2u] * row) >> 16u;
  let v = (affine[a + 3u] + affine[a + 4u] * column + affine[a + 5u] * row) >> 16u;
  let inside = u >= 0 && v >= 0 && u < i32(P.w) && v < i32(P.h);
  if (flip[n] != 0u) { u = i32(P.w) - 1 - u; }
  let source = select(0u, ((n * P.h + u32(v)) * P.w + u32(u)) * 3u, inside);
  var rgb = pixel_at(source);
  if (RECOLORED) { rgb = recolored(rgb, n); }
  if (BGR) { rgb = rgb.bgr; }
  let at = select(vec3i(), rgb, inside) * 3 + vec3i(0, 1, 2);
  var seen = vec3f(table[at.r], table[at.g], table[at.b]);
  if (ERASED) {
    let in_box = vec2u(vec2i(column - erased[4u * n], row - erased[4u * n + 1u]));
    if (in_box.x < u32(erased[4u * n + 2u]) && in_box.y < u32(erased[4u * n + 3u])) { seen = vec3f(); }
  }
  return seen;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.y;
  for (var k = 0u; k < EACH; k++) {
    let i = (group.x * EACH + k) * 64u + lane;
    if (i >= P.h * P.w) { return; }
    var seen = shown(n, i);
    if (MIXED) { seen = share[0] * seen + share[1] * shown(P.n - 1u - n, i); }
    let to = (n * P.h * P.w + i) * 3u;
    for (var c = 0u; c < 3u; c++) { y[to + c] = E(seen[c]); }
  }
}
