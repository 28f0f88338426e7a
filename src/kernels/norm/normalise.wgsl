// act((x - mean) * inverse_deviation * gamma + beta); n = (mean, inverse deviation, gamma, beta) of the channels of x.
fn normalise(x: A, n: Norm) -> A { return activate((x - n[0]) * (n[1] * n[2]) + n[3], A(K)); }
