// y[b, c, r] = x[b, r, c]: `batch` matrices of rows x columns, both counted in blocks of WIDTH.
// A lane turns EACH blocks of WIDTH x WIDTH elements, side by side in x: lanes next to each other write next to each other,
// and what a lane reads of one cache line it reads in one go. Dispatch: (rows / LANES, columns / EACH, batch).
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = group.z * P.rows * P.columns * WIDTH;
  let r = group.x * LANES + lane;
  if (r >= P.rows) { return; }
  let first = group.y * EACH;
  turn(base, base, P.rows, P.columns, r, first, min(first + EACH, P.columns));
}
