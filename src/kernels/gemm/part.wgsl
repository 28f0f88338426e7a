// The tiled kernel's results are parts of C, for sum.wgsl to add: partial[z, m, n].
@group(0) @binding(7) var<storage, read_write> partial: array<V>;
fn result(m: u32, n: u32, z: u32, value: V) { partial[(z * P.rows + m) * P.columns + n] = value; }
