// The entry of a plan of `entries`, in the order of their `first` workgroups, to which a workgroup belongs. Needs `plan`.
fn entry_of(group: u32, entries: u32) -> u32 {
  var low = 0u;
  var high = entries;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (plan[middle].first <= group) { low = middle; } else { high = middle; }
  }
  return low;
}
