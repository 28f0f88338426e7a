// dx[n, iy, ix, c] (+)= sum over ky, kx of W[ky, kx, c] * dy[n, (iy + pad - ky * D) / S, (ix + pad - kx * D) / S, c], where the
// divisions leave no remainder and the pixel exists. With iy + pad = S * j + a, row j - (ky * D - a) / S of dy is meant, for the ky
// whose ky * D leaves a; S or D is 1. A lane owns a column of V, its weights in registers, and walks along ROWS rows of dy at once,
// `steps` pixels of them, with the window of dy that their S x S pixels of dx see: a step loads a new column.
// Dispatch: (columns / LX, (h + pad) / S / ROWS, n * (w + pad) / S / steps).
struct Params {
  columns: u32, h: u32, w: u32, oh: u32, ow: u32, pad_h: u32, pad_w: u32,
  dy_stride: u32, dy_offset: u32, dx_stride: u32, dx_offset: u32, steps: u32, walks: u32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<S>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read_write> dx: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

const ABOVE = (KH - 1) * DH / SH;
const BEHIND = (KW - 1) * DW / SW;
const TALL = (KH + SH - 1) / SH;
const WIDE = (KW + SW - 1) / SW;

@compute @workgroup_size(LX)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * LX + lane;
  if (c >= P.columns) { return; }
  var taps: array<V, KH * KW>;
  for (var k = 0u; k < KH * KW; k++) { taps[k] = weight[k * P.columns + c]; }
  let image = group.z / P.walks;
  let row = group.y * ROWS;
  var line: array<u32, ABOVE + ROWS>;
  var inside: array<bool, ABOVE + ROWS>;
  for (var r = 0u; r < ABOVE + ROWS; r++) {
    let oy = row + r - ABOVE;
    inside[r] = oy < P.oh;
    line[r] = select(0u, (image * P.oh + oy) * P.ow, inside[r]) * P.dy_stride + P.dy_offset + c;
  }
  let first = group.z % P.walks * P.steps;
  let last = min(first + P.steps, (P.w + P.pad_w + SW - 1) / SW);
  var window: array<array<V, BEHIND + 1>, ABOVE + ROWS>;
  // The steps before `first` fill the window.
  for (var ox = max(first, BEHIND) - BEHIND; ox < last; ox++) {
    let here = ox < P.ow;
    let at = select(0u, ox, here) * P.dy_stride;
    for (var r = 0u; r < ABOVE + ROWS; r++) {
      for (var i = 0u; i < BEHIND; i++) { window[r][i] = window[r][i + 1]; }
      window[r][BEHIND] = select(V(), V(dy[line[r] + at]), here && inside[r]);
    }
    if (ox < first) { continue; }
    for (var k = 0u; k < ROWS * SH; k++) {
      let iy = row * SH + k - P.pad_h;
      for (var b = 0u; b < SW; b++) {
        var sum = V();
        for (var i = 0u; i < TALL; i++) {
          for (var j = 0u; j < WIDE; j++) {
            let ky = k % SH + i * SH;
            let kx = b + j * SW;
            if (ky < KH && kx < KW) { sum += taps[ky * KW + kx] * window[ABOVE + k / SH - i * DH][BEHIND - j * DW]; }
          }
        }
        let ix = ox * SW + b - P.pad_w;
        if (iy < P.h && ix < P.w) {
          let to = ((image * P.h + iy) * P.w + ix) * P.dx_stride + P.dx_offset + c;
          if (P.accumulate == 1u) { sum += V(dx[to]); }
          dx[to] = S(sum);
        }
      }
    }
  }
}
