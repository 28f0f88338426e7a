// Where output o of an axis lies among its inputs: at (o step + shift) / whole, not below 0. In whole numbers, so that places are exact.
fn step_of(inputs: i32) -> i32 { return select(2 * inputs, inputs - 1, ALIGN); }
fn shift_of(inputs: i32, outputs: i32) -> i32 { return select(inputs - outputs, 0, ALIGN); }
fn whole_of(outputs: i32) -> i32 { return select(2 * outputs, max(outputs - 1, 1), ALIGN); }

/// Between inputs `at` and `next`, the share of `next` being `share`.
struct Place { at: i32, next: i32, share: f32 }
fn place_of(o: i32, inputs: i32, outputs: i32) -> Place {
  let n = max(o * step_of(inputs) + shift_of(inputs, outputs), 0);
  let whole = whole_of(outputs);
  let at = n / whole;
  return Place(at, min(at + 1, inputs - 1), f32(n % whole) / f32(whole));
}

/// The outputs that input i reaches lie in [first, last].
fn first_output(i: i32, inputs: i32, outputs: i32) -> i32 {
  let n = (i - 1) * whole_of(outputs) - shift_of(inputs, outputs);
  if (n < 0) { return 0; }
  return n / step_of(inputs) + 1;
}
fn last_output(i: i32, inputs: i32, outputs: i32) -> i32 {
  if (i + 1 == inputs) { return outputs - 1; }
  let n = (i + 1) * whole_of(outputs) - shift_of(inputs, outputs);
  if (n <= 0) { return -1; }
  return min((n - 1) / step_of(inputs), outputs - 1);
}
fn share_at(i: i32, o: i32, inputs: i32, outputs: i32) -> f32 {
  let p = place_of(o, inputs, outputs);
  return select(0.0, 1.0 - p.share, p.at == i) + select(0.0, p.share, p.next == i);
}
