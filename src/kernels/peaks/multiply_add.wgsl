// y[i] = z_rounds, where z_(r+1) = z_r * x[i] + x[i xor 1], in two independent vectors a and b: a multiply-add waits for its own last
// result alone, and nothing is loaded. Variables, not an array: a driver that keeps arrays in memory would measure that.

struct Params { rounds: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slope = vec4f(x[id.x]);
  let shift = vec4f(x[id.x ^ 1u]);
  var a = vec4f();
  var b = vec4f();
  for (var r = 0u; r < P.rounds; r++) {
    for (var u = 0u; u < UNROLL; u++) {
      a = fma(a, slope, shift);
      b = fma(b, slope, shift);
    }
  }
  y[id.x] = dot(a + 2 * b, vec4f(1, 2, 3, 4));
}
