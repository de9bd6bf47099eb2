/** What `neuroloom/numerics` offers: the numerics room, and the library functions that also read and write files. */
export * from './numerics/index.js';
export {
  generateStatisticalAtlas,
  type GenerateStatisticalAtlasOptions,
} from './workflows/atlas/generate-statistical-atlas.js';
export { LearnedAtlasConfig } from './workflows/learned-atlas/config.js';
export type { TrainLearnedAtlasOptions } from './workflows/learned-atlas/library-options.js';
export { trainLearnedAtlas } from './workflows/learned-atlas/train-learned-atlas.js';
export {
  ComputationalRoutine,
  type ComputeOptions,
  type RoutineDescription,
} from './nodes/spectrum/computational-routine.js';
export { availableFooofOutputs, FooofSpy, type FooofMetadata } from './nodes/spectrum/fooof-spy.js';
export { readModelContainer, type SpectralData } from './nodes/spectrum/spectral-data.js';
export { bayesianGroup } from './nodes/bayes/bayesian-group.js';
export { writeTraceHdf5, writeTraceJson } from './nodes/bayes/trace-files.js';
