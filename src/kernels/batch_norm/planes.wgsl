// What follows a convolution: z = (x - mean[c]) * scale[c] + beta[c] by the running statistics, planes = mean, scale, beta, one behind the
// other. The same numbers as the pack's. A lane owns a channel.
struct Params { channels: u32, eps: f32, veil: u32 }
@group(0) @binding(0) var<storage, read> gamma: array<f32>;
@group(0) @binding(1) var<storage, read> beta: array<f32>;
@group(0) @binding(2) var<storage, read> running_mean: array<f32>;
@group(0) @binding(3) var<storage, read> running_var: array<f32>;
@group(0) @binding(4) var<storage, read_write> planes: array<f32>;
@group(0) @binding(5) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= P.channels) { return; }
  planes[c] = running_mean[c];
  planes[P.channels + c] = inverse_root(plus(single(running_var[c]), single(P.eps))).hi * gamma[c];
  planes[2u * P.channels + c] = beta[c];
}
