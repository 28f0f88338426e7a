// `transpose` of all matrices of a plan, which lie in one memory: matrix i begins at vector x of it, goes to vector y of the other, is
// `batch` matrices of rows x columns blocks, and takes the workgroups from `first` on. Dispatch: (all workgroups).
struct Params { matrices: u32 }
struct Matrix { first: u32, x: u32, y: u32, rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> plan: array<Matrix>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> P: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m = plan[entry_of(group.x, P.matrices)];
  let across = (m.rows + LANES - 1u) / LANES;
  let down = (m.columns + EACH - 1u) / EACH;
  let tile = group.x - m.first;
  let base = tile / (across * down) * m.rows * m.columns * WIDTH;
  let r = tile % across * LANES + lane;
  if (r >= m.rows) { return; }
  let first = tile / across % down * EACH;
  turn(m.x + base, m.y + base, m.rows, m.columns, r, first, min(first + EACH, m.columns));
}
