// act((x - mean) * inverse_deviation * gamma + beta), as norm/normalise.wgsl.
fn normalise(x: V, n: Channel) -> V { return activate((x - n.mean) * (n.inverse * n.gamma) + n.beta, V(K)); }
