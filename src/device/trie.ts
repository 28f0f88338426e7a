/** A map by sequences of keys. Finding what is there allocates nothing, unlike building a string to look it up by. */
export class Trie<V> {
  value?: V;
  private readonly children = new Map<unknown, Trie<V>>();

  /** The place one key further, made if need be. */
  at(key: unknown): Trie<V> {
    let child = this.children.get(key);
    if (!child) {
      child = new Trie();
      this.children.set(key, child);
    }
    return child;
  }

  /** The place one key further, if there is one. */
  find(key: unknown): Trie<V> | undefined {
    return this.children.get(key);
  }
}
