// Which inputs an output's window covers, [start, end), and which outputs cover an input, [first, last]. ADAPTIVE: windows
// that part the axis as evenly as PyTorch does, overlapping where it does not divide; else K long, S apart, from -pad.
fn window_start(o: u32, inputs: u32, outputs: u32, S: u32, pad: u32) -> u32 {
  if (ADAPTIVE) { return o * inputs / outputs; }
  return u32(max(i32(o * S) - i32(pad), 0));
}
fn window_end(o: u32, inputs: u32, outputs: u32, K: u32, S: u32, pad: u32) -> u32 {
  if (ADAPTIVE) { return ((o + 1u) * inputs + outputs - 1u) / outputs; }
  return u32(min(i32(o * S + K) - i32(pad), i32(inputs)));
}
fn first_output(i: u32, inputs: u32, outputs: u32, K: u32, S: u32, pad: u32) -> u32 {
  if (ADAPTIVE) { return i * outputs / inputs; }
  return (max(i + pad + S, K) - K) / S;
}
fn last_output(i: u32, inputs: u32, outputs: u32, S: u32, pad: u32) -> u32 {
  if (ADAPTIVE) { return ((i + 1u) * outputs + inputs - 1u) / inputs - 1u; }
  return min((i + pad) / S, outputs - 1u);
}
