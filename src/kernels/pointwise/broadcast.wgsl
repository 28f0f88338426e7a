// y[i] = f(a, b) (WANT 0), dy[i] * df/da (WANT 1) or dy[i] * df/db (WANT 2), i over four axes n0 x n1 x n2 x n3 of y in its
// order in memory (contiguous, as dy). a and b have a stride an axis, 0 where they are repeated.
// A thread makes EACH elements, 64 apart. Dispatch: size / (64 * EACH) workgroups.
struct Params {
  size: u32, rank: u32, n1: u32, n2: u32, n3: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a_offset: u32, b0: u32, b1: u32, b2: u32, b3: u32, b_offset: u32,
}
@group(0) @binding(0) var<storage, read> a: array<S>;
@group(0) @binding(1) var<storage, read> b: array<S>;
@group(0) @binding(2) var<storage, read> dy: array<S>;
@group(0) @binding(3) var<storage, read_write> y: array<D>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * 64u * EACH + lane;
  for (var k = 0u; k < EACH; k++) {
    let i = first + 64u * k;
    if (i >= P.size) { return; }
    let at = place(i, P.rank, P.n1, P.n2, P.n3);
    var g = V();
    if (WANT > 0u) { g = V(dy[i]); }
    let from_a = P.a_offset + step_of(at, P.a0, P.a1, P.a2, P.a3);
    let from_b = P.b_offset + step_of(at, P.b0, P.b1, P.b2, P.b3);
    y[i] = D(op(V(a[from_a]), V(b[from_b]), g));
  }
}
