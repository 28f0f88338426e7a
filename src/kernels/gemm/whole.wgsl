// The tiled kernel's results are C.
fn result(m: u32, n: u32, z: u32, value: V) { store(m, n, z, value); }
