// The layer of the lesson: y[pixel, o] = sum over taps (ky, kx) and channels c of W[tap, c, o] * x[pixel moved by the tap, c],
// 3x3 taps, a border of zeros, sides, channels and outputs from Params. Rows of channels a pixel, weights [tap][c][o].
struct Params { images: u32, side: u32, ci: u32, co: u32 }
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> P: Params;

// Where the channels of the pixel begin that the tap sees from pixel m, and 1, or 0 outside the image.
struct Place { at: u32, inside: f32 }
fn place(m: u32, tap: u32) -> Place {
  let row = m / P.side % P.side + tap / 3u;
  let column = m % P.side + tap % 3u;
  let inside = row >= 1u && row <= P.side && column >= 1u && column <= P.side;
  let there = m + (tap / 3u) * P.side + tap % 3u - P.side - 1u;
  return Place(select(0u, there * P.ci, inside), select(0.0, 1.0, inside));
}
