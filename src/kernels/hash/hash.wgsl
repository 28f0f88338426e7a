// hash[0] += sum of mix(w ^ mix(x + i G)), hash[1] += sum of mix(w ^ mix(y + i G)), mod 2^32, over the words w of a piece a workgroup: i is
// the word's place in its tensor's logical order, (x, y) the tensor's salt, mix murmur3's finaliser. A piece is `words` words of memory from
// `word` on, from place `index` on in a tensor that lies as [taps][inputs][outputs]. Whole numbers are summed: every order gives the same.
// Dispatch: (pieces) workgroups.
struct Params { first: u32 }
struct Piece { word: u32, words: u32, index: u32, outputs: u32, inputs: u32, taps: u32, x: u32, y: u32 }
@group(0) @binding(0) var<storage, read> memory: array<u32>;
@group(0) @binding(1) var<storage, read> pieces: array<Piece>;
@group(0) @binding(2) var<storage, read_write> hash: array<atomic<u32>, 2>;
@group(0) @binding(3) var<uniform> P: Params;

const G = 0x9E3779B9u;

fn mix2(x: vec2u) -> vec2u {
  var h = x;
  h = (h ^ (h >> vec2u(16u))) * 0x85EBCA6Bu;
  h = (h ^ (h >> vec2u(13u))) * 0xC2B2AE35u;
  return h ^ (h >> vec2u(16u));
}

var<workgroup> sums: array<vec2u, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let piece = pieces[P.first + group.x];
  var sum = vec2u();
  for (var j = lane; j < piece.words; j += LANES) {
    let at = piece.index + j;
    let rest = at / piece.outputs;
    let i = ((at % piece.outputs) * piece.inputs + rest % piece.inputs) * piece.taps + rest / piece.inputs;
    sum += mix2(vec2u(memory[piece.word + j]) ^ mix2(vec2u(piece.x, piece.y) + vec2u(i * G)));
  }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    atomicAdd(&hash[0], sums[0].x);
    atomicAdd(&hash[1], sums[0].y);
  }
}
