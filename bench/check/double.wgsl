// y[i] = 2 x[i], one number a thread: what everybody writes first. Never to be made faster. Dispatch: (numbers / 64).
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = 2.0 * x[id.x];
}
