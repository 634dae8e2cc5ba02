/**
 * What a file of manifests may hold. Each bound keeps the reader's time in proportion to the file's size: what is beyond one is
 * refused before the costly step that it would feed. A manifest of 20 keys has about 70 tokens.
 */
export const yamlLimits = {
  /** of one file */
  bytes: 1024 * 1024,
  /** nested collections */
  depth: 20,
  /** Aliases (`*name`) of a file, and copies that the aliases of a document stand for */
  aliases: 20,
  /** Anchors (`&name`) of a file */
  anchors: 100,
  documents: 5_000,
  /** Of a file: each key, colon, value, dash, comma and bracket is one */
  tokens: 300_000,
  documentTokens: 30_000,
  /** Spaces and ends of lines in a row: the library looks at all of them again for each comment that follows */
  blanks: 500,
  /** How many faults of one file are reported; the author sees the next ones after these are mended */
  faults: 20,
} as const;
