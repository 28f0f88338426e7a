// running[at + c] = (1 - momentum) * running[at + c] + momentum * moments[source + c], batch after batch: plan has an entry a vector
// (a norm's running means, or its variances; with no channels a count, to which `source` is added) with its first batch, which leads to
// the `next`, until that is 0. Moments are pairs. With GUARDED nothing at all where verdict[1].x is 1 (see guard/judge.wgsl).
// A lane owns a channel. Dispatch: (most channels / LANES, vectors).
struct Params { veil: u32 }
struct Entry { at: u32, channels: u32, source: u32, next: u32, momentum: f32 }
@group(0) @binding(0) var<storage, read> plan: array<Entry>;
@group(0) @binding(1) var<storage, read> moments: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> running: array<f32>;
@group(0) @binding(3) var<storage, read> verdict: array<vec4f>;
@group(0) @binding(4) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (GUARDED && verdict[1].x != 0.0) { return; }
  let c = group.x * LANES + lane;
  var i = group.y;
  if (plan[i].channels == 0u && c == 0u) { running[plan[i].at] += f32(plan[i].source); }
  if (c >= plan[i].channels) { return; }
  let at = plan[i].at + c;
  var value = running[at];
  loop {
    let entry = plan[i];
    let batch = moments[entry.source + c];
    let step = times(single(entry.momentum), plus(Pair(batch.x, batch.y), minus(single(value))));
    let sum = plus(single(value), step);
    value = sum.hi + sum.lo;
    i = entry.next;
    if (i == 0u) { break; }
  }
  running[at] = value;
}
