// A lane turns blocks first..end of row r of a matrix of rows x columns blocks of WIDTH x WIDTH elements: y[to + .. c, r] = x[from + .. r, c].
fn turn(from_x: u32, to_y: u32, rows: u32, columns: u32, r: u32, first: u32, end: u32) {
  for (var c = first; c < end; c++) {
    var block: array<V, WIDTH>;
    for (var i = 0u; i < WIDTH; i++) { block[i] = x[from_x + (r * WIDTH + i) * columns + c]; }
    for (var i = 0u; i < WIDTH; i++) { y[to_y + (c * WIDTH + i) * rows + r] = column(block, i); }
  }
}
