// `sum_parts` of all sums of a plan: sum i has its parts from vector `part` on, goes to vector `y`, and takes the workgroups from `first` on.
// Dispatch: (all workgroups).
struct Params { sums: u32, accumulate: u32 }
struct Sum { first: u32, part: u32, y: u32, size: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> part: array<V>;
@group(0) @binding(1) var<storage, read> plan: array<Sum>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = plan[entry_of(group.x, P.sums)];
  let first = (group.x - s.first) * LANES * EACH + lane;
  for (var j = 0u; j < EACH; j++) {
    let i = first + j * LANES;
    if (i >= s.size) { return; }
    add_parts(s.part, s.y, s.size, s.parts, i, P.accumulate == 1u);
  }
}
