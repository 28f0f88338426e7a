// color[3 n + i] = the mean over image i's pixels of the gray of the brightened pixel, rounded to the nearest whole (see color.wgsl).
// A workgroup owns an image, a lane every LANES-th pixel; sums are whole numbers, of up to 2^24 pixels. Dispatch: (images).
struct Params { h: u32, w: u32, n: u32 }
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read_write> color: array<i32>;
@group(0) @binding(2) var<uniform> P: Params;

var<workgroup> sums: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x;
  let pixels = P.h * P.w;
  var sum = 0u;
  for (var i = lane; i < pixels; i += LANES) {
    sum += u32(gray_of(brightened(pixel_at((n * pixels + i) * 3u), n)));
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < LANES; i++) { sum += sums[i]; }
    color[3u * P.n + n] = i32(sum / pixels + select(0u, 1u, 2u * (sum % pixels) >= pixels));
  }
}
