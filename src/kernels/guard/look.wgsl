// verdict[1].w = 1 where the loss is infinite or NaN: it waits for the judgement of its step (see judge). Dispatch: one workgroup.
@group(0) @binding(0) var<storage, read> loss: array<u32>;
@group(0) @binding(1) var<storage, read_write> verdict: array<vec4f>;

@compute @workgroup_size(1)
fn main() {
  if ((loss[0] & 0x7F800000u) == 0x7F800000u) { verdict[1].w = 1.0; }
}
