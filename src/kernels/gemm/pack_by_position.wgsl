// Each lane loads the pack of a position: of q + lane % W.
fn pack_at(q: u32, lane: u32) -> u32 { return q + lane % W; }
fn norm_here(pack: vec4f) -> Norm { return transpose(mat2x4f(subgroupShuffle(pack, 0u), subgroupShuffle(pack, 1u))); }
