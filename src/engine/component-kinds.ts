/** What a part of a key can be. */
export const COMPONENT_KINDS = [
  'node',
  'version',
  'code',
  'input',
  'params',
  'tool',
  'env',
  'container',
  'seed',
] as const;

export type ComponentKind = (typeof COMPONENT_KINDS)[number];
