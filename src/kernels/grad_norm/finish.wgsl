// norm = sqrt(sum of part), with SCALED divided by scaling.x; scale = min(1, most / (norm + 1e-6)), 0 where
// that is not finite, by its bits. Each of 64 lanes sums every 64th part; then a tree.
// Dispatch: one workgroup.
struct Params { parts: u32, most: f32 }
@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read> scaling: array<vec4f>;
@group(0) @binding(4) var<uniform> P: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < P.parts; i += 64u) { sum += part[i]; }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    var length = sqrt(sums[0]);
    if (SCALED) { length /= scaling[0].x; }
    norm[0] = length;
    let finite = (bitcast<u32>(length) & 0x7F800000u) != 0x7F800000u;
    scale[0] = select(0.0, min(1.0, P.most / (length + 1e-6)), finite);
  }
}
