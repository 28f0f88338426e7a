// y[o] (+)= scale * sum of x[o, j] over j in [64 p, 64 p + 64) of `reduced`, in blocks of 8; o over kept axes k0 x k1 x k2 x k3,
// j over reduced axes r0 x r1 x r2 x r3, each with strides of its own (kx, rx in x; ky in y, where part p starts at
// p * part_stride). A thread makes EACH of the parts * outputs pairs (p, o), 64 apart: the same sums in the same order for
// any EACH. Dispatch: parts * outputs / (64 EACH) workgroups.
struct Params {
  outputs: u32, parts: u32, reduced: u32, part_stride: u32, x_offset: u32, y_offset: u32,
  k_rank: u32, k1: u32, k2: u32, k3: u32, kx0: u32, kx1: u32, kx2: u32, kx3: u32, ky0: u32, ky1: u32, ky2: u32, ky3: u32,
  r_rank: u32, r1: u32, r2: u32, r3: u32, rx0: u32, rx1: u32, rx2: u32, rx3: u32, scale: f32, accumulate: u32,
}
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<D>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * 64u * EACH + lane;
  for (var k = 0u; k < EACH; k++) {
    let t = start + 64u * k;
    if (t >= P.parts * P.outputs) { return; }
    var p = 0u;
    if (P.parts > 1u) { p = t / P.outputs; }
    let o = place(t - p * P.outputs, P.k_rank, P.k1, P.k2, P.k3);
    let to = P.y_offset + p * P.part_stride + step_of(o, P.ky0, P.ky1, P.ky2, P.ky3);
    let source = P.x_offset + step_of(o, P.kx0, P.kx1, P.kx2, P.kx3);
    let sum = P.scale * chunk(p * 64u, source);
    if (P.accumulate == 1u) { y[to] = D(V(y[to]) + sum); } else { y[to] = D(sum); }
  }
}

// The sum of the 64 elements source j = first on, or as many as are left.
fn chunk(first: u32, source: u32) -> V {
  if (P.reduced == 1u) { return V(x[source]); }
  var j = place(first, P.r_rank, P.r1, P.r2, P.r3);
  var at = source + step_of(j, P.rx0, P.rx1, P.rx2, P.rx3);
  let left = min(64u, P.reduced - first);
  var sum = V();
  for (var done = 0u; done < left; done += 8u) {
    var block = V();
    for (var i = done; i < min(done + 8u, left); i++) {
      block += V(x[at]);
      // The next element; steps backwards wrap around, as u32 does.
      at += P.rx3;
      j.w++;
      if (j.w == P.r3 && P.r_rank > 1u) {
        j.w = 0u;
        j.z++;
        at += P.rx2 - P.r3 * P.rx3;
        if (j.z == P.r2 && P.r_rank > 2u) {
          j.z = 0u;
          j.y++;
          at += P.rx1 - P.r2 * P.rx2;
          if (j.y == P.r1 && P.r_rank > 3u) {
            j.y = 0u;
            at += P.rx0 - P.r1 * P.rx1;
          }
        }
      }
    }
    sum += block;
  }
  return sum;
}
