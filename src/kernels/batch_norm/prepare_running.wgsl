// The pack (see pack.wgsl) by the running statistics. A lane owns a channel.
struct Params { channels: u32, eps: f32, veil: u32 }
@group(0) @binding(0) var<storage, read> gamma: array<f32>;
@group(0) @binding(1) var<storage, read> beta: array<f32>;
@group(0) @binding(2) var<storage, read> running_mean: array<f32>;
@group(0) @binding(3) var<storage, read> running_var: array<f32>;
@group(0) @binding(4) var<storage, read_write> pack: array<vec2f>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < P.channels) { write_pack(id.x, single(running_mean[id.x]), single(running_var[id.x])); }
}
