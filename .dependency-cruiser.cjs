// DESIGN section 2: who may import whom. Every room may also use src/errors.ts and src/result.ts.
const ALLOWED = {
  cli: ['workflows', 'report', 'engine', 'config'],
  report: ['engine', 'io'],
  workflows: ['nodes', 'engine', 'config', 'io', 'numerics'],
  nodes: ['engine', 'io', 'numerics'],
  numerics: ['tensor', 'native'],
  tensor: ['native'],
  engine: [],
  config: [],
  io: [],
  native: [],
};

const layerRules = Object.entries(ALLOWED).map(([room, allowed]) => ({
  name: `layer-${room}`,
  severity: 'error',
  comment: `src/${room} may import ${allowed.length > 0 ? allowed.join(', ') : 'no other room'}`,
  from: { path: `^src/${room}/` },
  to: { path: '^src/[^/]+/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
}));

/** One file of ours wraps each heavy or frozen package. */
const ownedPackage = (name, owner) => ({
  name: `owner-of-${name.replace(/[^a-z0-9]+/g, '-')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: owner },
  to: { path: `node_modules/${name}/` },
});

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'no-circular',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ownedPackage('@tensorflow', '^src/tensor/'),
    ownedPackage('better-sqlite3', '^src/engine/sqlite-database.ts'),
    ownedPackage('h5wasm', '^src/io/hdf5.ts'),
    ownedPackage('vega', '^src/io/chart.ts'),
    ownedPackage('vega-lite', '^src/io/chart.ts'),
    ownedPackage('nifti-reader-js', '^src/io/nifti'),
    ownedPackage('yaml', '^src/config/'),
    ownedPackage('commander', '^src/cli/'),
    ownedPackage('@dagrejs/graphlib', '^src/engine/template-graph.ts'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
