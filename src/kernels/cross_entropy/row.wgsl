// What the softmax of one row of `columns` logits is made of. The largest element, the first of equals, counts as exp(0) = 1 and
// the others are summed apart, so that log(sum) and 1 - p keep their digits when one class wins by far.
struct Softmax { largest: f32, at: u32, others: f32 }

fn softmax_of(first: u32, columns: u32) -> Softmax {
  var s = Softmax(x[first], 0u, 0.0);
  for (var j = 1u; j < columns; j++) {
    if (x[first + j] > s.largest) { s.largest = x[first + j]; s.at = j; }
  }
  for (var j = 0u; j < columns; j++) {
    if (j != s.at) { s.others += precise_exp(x[first + j] - s.largest); }
  }
  return s;
}
