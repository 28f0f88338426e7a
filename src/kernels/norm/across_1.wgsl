fn across(a: array<vec4f, 1>) -> array<V, 4> { return array<V, 4>(a[0].x, a[0].y, a[0].z, a[0].w); }
