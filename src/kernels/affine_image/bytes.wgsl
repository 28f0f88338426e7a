// The RGB pixel whose red is byte `at` of the images.
fn pixel_at(at: u32) -> vec3i {
  let i = vec3u(at, at + 1u, at + 2u);
  let words = vec3u(images[i.x / 4u], images[i.y / 4u], images[i.z / 4u]);
  return vec3i((words >> (i % 4u * 8u)) & vec3u(255u));
}
