// y[n, oy, ox, o] = leaky(bias[o] + the largest over i, j < 2 of sum over ky, kx < 3, c < C of
//   W[ky, kx, c, o] * x[n, 2 * oy + i + ky, 2 * ox + j + kx, c])
// leaky(v) = max(v, slope * v). A lane owns a pixel of y and holds the 4 x 4 pixels of x that it sees; `load_weights` and `weight_of` say
// where four columns' weights come from. Dispatch: (runs of LANES pixels, `step` apart, oh, n).
struct Params { h: u32, w: u32, oh: u32, ow: u32, columns: u32, step: u32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> P: Params;

const LINE = 4u * C;
alias Seen = array<f32, 4u * LINE>;
alias Sums = array<vec4f, 4>;

fn add_row(sums: ptr<function, Sums>, seen: ptr<function, Seen>, weights: ptr<function, Weights>, ky: u32) {
  for (var k = 0u; k < 3u * C; k++) {
    let v = weight_of(weights, ky * 3u * C + k);
    let at = ky * LINE + k;
    sums[0] += v * seen[at];
    sums[1] += v * seen[at + C];
    sums[2] += v * seen[at + LINE];
    sums[3] += v * seen[at + LINE + C];
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var first = group.x * LANES; first < P.ow; first += P.step) {
    let ox = min(first + lane, P.ow - 1u);
    var seen: Seen;
    for (var r = 0u; r < 4u; r++) {
      let at = ((group.z * P.h + 2u * group.y + r) * P.w + 2u * ox) * C;
      for (var i = 0u; i < LINE; i++) { seen[r * LINE + i] = x[at + i]; }
    }
    let to = ((group.z * P.oh + group.y) * P.ow + ox) * P.columns;
    for (var column = 0u; column < P.columns; column++) {
      var weights = load_weights(column, lane);
      var sums = Sums();
      add_row(&sums, &seen, &weights, 0u);
      add_row(&sums, &seen, &weights, 1u);
      add_row(&sums, &seen, &weights, 2u);
      let v = max(max(sums[0], sums[1]), max(sums[2], sums[3])) + bias[column];
      if (first + lane < P.ow) { y[to + column] = max(v, P.slope * v); }
    }
  }
}
