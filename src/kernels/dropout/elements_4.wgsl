// The numbers of the elements of the v-th V.
fn elements_from(v: u32) -> vec4u { return 4u * v + vec4u(0u, 1u, 2u, 3u); }
