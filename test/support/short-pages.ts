/** Pages whose code takes seconds: run in `npm test`, the others in `npm run test:long`. */
export const SHORT_PAGES: readonly string[] = [
  'docs/tutorials/compare-with-an-atlas.md',
  'docs/configuration.md',
];
