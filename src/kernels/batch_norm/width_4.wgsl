fn lane_of(v: vec4f, k: u32) -> f32 { return v[k]; }
