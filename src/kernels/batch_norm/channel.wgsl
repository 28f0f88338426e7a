// The normalisation of a lane's channels, unpacked, and what rounding took from mean and inverse deviation.
struct Channel { mean: V, inverse: V, gamma: V, beta: V }
struct Lost { mean: V, inverse: V }
