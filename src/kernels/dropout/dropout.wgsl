// y[i] (+)= x[i] * scale where hash(seed, stream, i) >> 8 >= threshold, else 0; i counts elements in the order of a contiguous
// y. The same mask for the same (seed, stream), so the gradient needs none stored. Dispatch: see walk.wgsl.
struct Params {
  rows: u32, columns: u32, tail: u32, rows_each: u32, x_stride: u32, x_offset: u32, y_stride: u32, y_offset: u32,
  stream: u32, threshold: u32, scale: f32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<S>;
@group(0) @binding(3) var<uniform> P: Params;

// The finaliser of MurmurHash3.
fn fmix32(k: U) -> U {
  var h = k;
  h ^= h >> U(16u);
  h *= U(0x85EBCA6Bu);
  h ^= h >> U(13u);
  h *= U(0xC2B2AE35u);
  return h ^ (h >> U(16u));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = share_of(group, lane);
  let key = fmix32(U(seed[0] + P.stream * 0x9E3779B9u));
  for (var r = s.first; r < s.last; r++) {
    let i = elements_from(r * P.columns + s.c);
    let keep = (fmix32(key + i * U(0x9E3779B9u)) >> U(8u)) >= U(P.threshold);
    let v = select(V(), V(x[r * P.x_stride + P.x_offset + s.c]) * P.scale, keep);
    let at = r * P.y_stride + P.y_offset + s.c;
    if (P.accumulate == 1u) { y[at] = S(V(y[at]) + v); } else { y[at] = S(v); }
  }
}
