// y[i] = z_rounds, where z_(r+1) = z_r * x[i] + x[i xor 1], in CHAINS independent vectors of registers: a multiply-add
// waits for its own last result alone, and nothing is loaded. FMA: as the builtin, which is slow on some drivers; else as a product and
// a sum, which others do not fuse.

struct Params { rounds: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slope = vec4f(x[id.x]);
  let shift = vec4f(x[id.x ^ 1u]);
  var z = array<vec4f, CHAINS>();
  for (var r = 0u; r < P.rounds; r++) {
    for (var u = 0u; u < UNROLL; u++) {
      for (var c = 0u; c < CHAINS; c++) {
        if (FMA) { z[c] = fma(z[c], slope, shift); } else { z[c] = z[c] * slope + shift; }
      }
    }
  }
  var total = vec4f();
  for (var c = 0u; c < CHAINS; c++) { total += z[c] * f32(c + 1u); }
  y[id.x] = dot(total, vec4f(1, 2, 3, 4));
}
