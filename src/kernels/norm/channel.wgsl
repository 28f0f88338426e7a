// The normalisation of a lane's WIDTH channels, from a vec4f each; `across` makes four V of these.
struct Channel { mean: V, inverse: V, gamma: V, beta: V }
fn channel(c: u32) -> Channel {
  var of_each: array<vec4f, WIDTH>;
  for (var k = 0u; k < WIDTH; k++) { of_each[k] = pack[c * WIDTH + k]; }
  let n = across(of_each);
  return Channel(n[0], n[1], n[2], n[3]);
}
