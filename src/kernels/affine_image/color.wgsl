// A pixel in other colors, by factors of 1/4096: Pillow's ImageEnhance.Brightness, Contrast and Color, in that order. Each is a blend,
// base + factor * (value - base) rounded down and held to 0..255, whose base is black, the picture's mean gray, the pixel's own gray.
// color holds three factors an image, then a mean an image.
fn blend(base: i32, value: vec3i, factor: i32) -> vec3i {
  return clamp((base * 4096 + factor * (value - base)) >> vec3u(12u), vec3i(0), vec3i(255));
}

fn gray_of(rgb: vec3i) -> i32 {
  return (19595 * rgb.r + 38470 * rgb.g + 7471 * rgb.b + 32768) >> 16u;
}

fn brightened(rgb: vec3i, n: u32) -> vec3i {
  return blend(0, rgb, color[3u * n]);
}

fn recolored(rgb: vec3i, n: u32) -> vec3i {
  let contrasted = blend(color[3u * P.n + n], brightened(rgb, n), color[3u * n + 1u]);
  return blend(gray_of(contrasted), contrasted, color[3u * n + 2u]);
}
