// The numbers of the elements of the v-th V.
fn elements_from(v: u32) -> u32 { return v; }
