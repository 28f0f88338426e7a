// y[o] (+)= scale * sum of x[o, j] over j in [64 p, 64 p + 64) of `reduced`, in blocks of 8; o over kept axes k0 x k1 x k2 x k3, j over reduced
// axes r0 x r1 x r2 x r3, each with strides of its own (kx, rx in x; ky in y, where part p starts at p * part_stride).
// A thread makes one (p, o): the same sums in the same order, whatever the shapes. Dispatch: parts * outputs / 64
// workgroups, GRID_X a row.
struct Params {
  outputs: u32, parts: u32, reduced: u32, part_stride: u32, x_offset: u32, y_offset: u32,
  k1: u32, k2: u32, k3: u32, kx0: u32, kx1: u32, kx2: u32, kx3: u32, ky0: u32, ky1: u32, ky2: u32, ky3: u32,
  r1: u32, r2: u32, r3: u32, rx0: u32, rx1: u32, rx2: u32, rx3: u32, scale: f32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = (group.y * GRID_X + group.x) * 64u + lane;
  if (t >= P.parts * P.outputs) { return; }
  let p = t / P.outputs;
  let o = t % P.outputs;
  let o3 = o % P.k3;
  let o2 = o / P.k3 % P.k2;
  let o1 = o / (P.k3 * P.k2) % P.k1;
  let o0 = o / (P.k3 * P.k2 * P.k1);
  let first = p * 64u;
  let last = min(first + 64u, P.reduced);
  var j3 = first % P.r3;
  var j2 = first / P.r3 % P.r2;
  var j1 = first / (P.r3 * P.r2) % P.r1;
  let j0 = first / (P.r3 * P.r2 * P.r1);
  var at = P.x_offset + o0 * P.kx0 + o1 * P.kx1 + o2 * P.kx2 + o3 * P.kx3
    + j0 * P.rx0 + j1 * P.rx1 + j2 * P.rx2 + j3 * P.rx3;
  var sum = V();
  var block = V();
  for (var j = first; j < last; j++) {
    block += x[at];
    if (j % 8u == 7u || j + 1u == last) {
      sum += block;
      block = V();
    }
    // Steps backwards wrap around, as u32 does.
    at += P.rx3;
    j3++;
    if (j3 == P.r3) {
      j3 = 0u;
      j2++;
      at += P.rx2 - P.r3 * P.rx3;
      if (j2 == P.r2) {
        j2 = 0u;
        j1++;
        at += P.rx1 - P.r2 * P.rx2;
        if (j1 == P.r1) {
          j1 = 0u;
          at += P.rx0 - P.r1 * P.rx1;
        }
      }
    }
  }
  sum *= P.scale;
  let to = P.y_offset + p * P.part_stride + o0 * P.ky0 + o1 * P.ky1 + o2 * P.ky2 + o3 * P.ky3;
  if (P.accumulate == 1u) { y[to] += sum; } else { y[to] = sum; }
}
