fn lane_of(v: f32, k: u32) -> f32 { return v; }
