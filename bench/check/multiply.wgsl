// c[m, n] = sum over k of a[m, k] * b[k, n], one output a thread: what everybody writes first. Never to be made faster.
// Square, of SIZE. Dispatch: (SIZE / 8, SIZE / 8).
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = 0.0;
  for (var k = 0u; k < SIZE; k++) { sum += a[id.y * SIZE + k] * b[k * SIZE + id.x]; }
  c[id.y * SIZE + id.x] = sum;
}
