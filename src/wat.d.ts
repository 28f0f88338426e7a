declare module '*.wat' {
  /** The assembled module. */
  const binary: Uint8Array<ArrayBuffer>;
  export default binary;
}
