// What becomes of a result on its way into y: act((v - mean) * scale + beta), of which each part may be missing; `planes` has mean,
// scale and beta of all channels, one behind the other. A lane stores Y.
@group(0) @binding(6) var<storage, read> planes: array<Y>;

struct Epilogue { mean: Y, scale: Y, beta: Y }
fn open_epilogue(n: u32) -> Epilogue {
  if (NORM_STORED) { return Epilogue(planes[n], planes[P.columns + n], planes[2u * P.columns + n]); }
  return Epilogue();
}
fn epilogue(v: Y, own: Epilogue) -> Y {
  if (NORM_STORED) { return activate_stored((v - own.mean) * own.scale + own.beta, Y(K_stored)); }
  return activate_stored(v, Y(K_stored));
}
