// first = number where a part is 1 (see check) and first was 0. Dispatch: one workgroup.
struct Params { parts: u32, number: u32 }
@group(0) @binding(0) var<storage, read> part: array<u32>;
@group(0) @binding(1) var<storage, read_write> first: array<u32>;
@group(0) @binding(2) var<uniform> P: Params;

var<workgroup> found: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  found[lane] = 0u;
  for (var i = lane; i < P.parts; i += 64u) { found[lane] |= part[i]; }
  workgroupBarrier();
  if (lane > 0u || first[0] != 0u) { return; }
  for (var i = 0u; i < 64u; i++) {
    if (found[i] != 0u) { first[0] = P.number; return; }
  }
}
