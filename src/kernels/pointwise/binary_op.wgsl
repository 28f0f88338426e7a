// The table: an op's value, and its gradients by a and by b, from a, b and g = dy. The order is that of BINARY in index.ts.
fn op(a: V, b: V, g: V) -> V {
  switch OP {
    case 0: { return either(a + b, g, g); } // add
    case 1: { return either(a - b, g, -g); } // sub
    case 2: { return either(a * b, g * b, g * a); } // mul
    case 3: { return either(a / b, g / b, -g * a / (b * b)); } // div
    default: { return a; }
  }
}
fn either(value: V, by_a: V, by_b: V) -> V {
  if (WANT == 1u) { return by_a; }
  if (WANT == 2u) { return by_b; }
  return value;
}
