// What becomes of an optimizer's step, by the parts of its gradients (see check) and by its losses (see look):
//   verdict[0] = (scale, good steps in a row, steps that the scale cost, factor)
//   verdict[1] = (refused, how many were, stopped, 1 where a loss of the step was not finite)
// A step with a loss that is not finite is refused, and factor is 0. So is one with such a gradient, but with SCALED that may be the
// scale's fault: factor is 0, and the scale is halved. Else factor, what gradients are to be multiplied with, is 1 / scale, and after
// `interval` good steps the scale is doubled. With STOP a refused step stops: all later ones are refused. Dispatch: one workgroup.
struct Params { parts: u32, interval: u32 }
@group(0) @binding(0) var<storage, read> part: array<u32>;
@group(0) @binding(1) var<storage, read_write> verdict: array<vec4f>;
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
  let s = verdict[0];
  let t = verdict[1];
  let spoilt = flags[0] != 0u;
  if (t.z != 0.0 || t.w != 0.0 || (spoilt && !SCALED)) {
    verdict[0].w = 0.0;
    verdict[1] = vec4f(1.0, t.y + 1.0, select(0.0, 1.0, STOP), 0.0);
    return;
  }
  verdict[1].x = 0.0;
  if (!SCALED) { verdict[0].w = 1.0; }
  else if (spoilt) { verdict[0] = vec4f(max(0.5 * s.x, LEAST), 0.0, s.z + 1.0, 0.0); }
  else if (u32(s.y) + 1u >= P.interval) { verdict[0] = vec4f(min(2.0 * s.x, MOST), 0.0, s.z, 1.0 / s.x); }
  else { verdict[0] = vec4f(s.x, s.y + 1.0, s.z, 1.0 / s.x); }
}
