// y[to + i] (+)= sum over p of part[from + p * size + i], in order of p.
fn add_parts(from_part: u32, to_y: u32, size: u32, parts: u32, i: u32, accumulate: bool) {
  var sum = V();
  for (var p = 0u; p < parts; p++) { sum += part[from_part + p * size + i]; }
  if (accumulate) { sum += y[to_y + i]; }
  y[to_y + i] = sum;
}
