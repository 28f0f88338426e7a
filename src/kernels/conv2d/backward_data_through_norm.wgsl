// The convolution's input was act(z), z = batch_norm(x): dx (+)= scale * dz, dz = value * act'(z), without what depends on the
// batch's moments: for that, part[tile, n] = (sum of dz, sum of dz * (x - mean)) over the tile's rows. x lies as dx does.
@group(0) @binding(4) var<storage, read> x: array<S>;
@group(0) @binding(5) var<storage, read> pack: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> part: array<V>;

struct Column { mean: V, scale: V, beta: V, sum: V, product: V }
fn open_column(n: u32) -> Column {
  let c = channel(n);
  return Column(c.mean, c.inverse * c.gamma, c.beta, V(), V());
}
fn put(own: ptr<function, Column>, m: u32, n: u32, split: u32, value: V) {
  let at = m * P.dx_stride + P.dx_offset + n;
  let d = V(x[at]) - (*own).mean;
  let dz = value * slope(d * (*own).scale + (*own).beta, V(K));
  (*own).sum += dz;
  (*own).product += dz * d;
  write(at, (*own).scale * dz);
}
fn close_column(own: Column, tile: u32, n: u32) {
  part[(tile * P.columns + n) * 2u] = own.sum;
  part[(tile * P.columns + n) * 2u + 1u] = own.product;
}
