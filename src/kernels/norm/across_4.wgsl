fn across(a: array<vec4f, 4>) -> array<V, 4> {
  return array<V, 4>(
    vec4f(a[0].x, a[1].x, a[2].x, a[3].x), vec4f(a[0].y, a[1].y, a[2].y, a[3].y),
    vec4f(a[0].z, a[1].z, a[2].z, a[3].z), vec4f(a[0].w, a[1].w, a[2].w, a[3].w));
}
