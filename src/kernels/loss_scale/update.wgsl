// state = (scale, good steps in a row, steps skipped, factor), factor being what this step's gradients are to be multiplied
// with: 1 / scale, or 0 where one is not finite. Then the scale is halved; after `interval` good steps it is doubled.
// Dispatch: one workgroup.
struct Params { parts: u32, interval: u32 }
@group(0) @binding(0) var<storage, read> part: array<u32>;
@group(0) @binding(1) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(2) var<uniform> P: Params;

// Powers of two far within float32, so that 1 / scale is one, too.
const LEAST = 0x1p-60;
const MOST = 0x1p60;

var<workgroup> flags: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var found = 0u;
  for (var i = lane; i < P.parts; i += 64u) { found |= part[i]; }
  flags[lane] = found;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { flags[lane] |= flags[lane + half]; }
  }
  if (lane > 0u) { return; }
  let s = state[0];
  if (flags[0] != 0u) { state[0] = vec4f(max(0.5 * s.x, LEAST), 0.0, s.z + 1.0, 0.0); }
  else if (u32(s.y) + 1u >= P.interval) { state[0] = vec4f(min(2.0 * s.x, MOST), 0.0, s.z, 1.0 / s.x); }
  else { state[0] = vec4f(s.x, s.y + 1.0, s.z, 1.0 / s.x); }
}
