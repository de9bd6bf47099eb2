import type { ZodType } from 'zod';

import type { WorkflowDefinition, WorkflowScope } from '../engine/registry.js';
import { getWorkflow } from '../engine/registry.js';

/** Writes a small synthetic data set on which a workflow runs. */
export interface SampleWriter {
  /** @returns paths of the written files */
  write(directory: string, options: { readonly seed: number }): Promise<string[]>;
}

/** A workflow that comes with the package, known without importing its nodes. */
export interface BuiltinWorkflow {
  readonly name: string;
  /** One sentence for `pipeline list`. */
  readonly summary: string;
  readonly scope: WorkflowScope;
  /** Its block of the configuration. */
  readonly namespace: string;
  /** The schema of that block; loads no tensor or native code. */
  loadConfigSchema(): Promise<ZodType>;
  /** Registers the workflow and returns it. */
  load(): Promise<WorkflowDefinition>;
  /** What `pipeline sample` calls; without it there is no sample. */
  sample?(): Promise<SampleWriter>;
}

/** Every workflow of the package: a new one is a folder and an entry here. */
export const BUILTIN_WORKFLOWS: readonly BuiltinWorkflow[] = [
  {
    name: 'atlas',
    summary: 'Averages tract density volumes of a cohort into five maps',
    scope: 'cohort',
    namespace: 'atlas',
    loadConfigSchema: async () => (await import('./atlas/config.js')).AtlasConfig,
    load: async () => {
      await import('./atlas/workflow.js');
      return getWorkflow('atlas');
    },
    sample: async () => ({ write: (await import('./learned-atlas/sample.js')).writeSampleCohort }),
  },
  {
    name: 'learned_atlas',
    summary: 'Learns one sharp template and a diffeomorphic field per subject, and writes the same five maps',
    scope: 'cohort',
    namespace: 'learned_atlas',
    loadConfigSchema: async () => (await import('./learned-atlas/config.js')).LearnedAtlasConfig,
    load: async () => {
      await import('./learned-atlas/workflow.js');
      return getWorkflow('learned_atlas');
    },
    sample: async () => ({ write: (await import('./learned-atlas/sample.js')).writeSampleCohort }),
  },
  {
    name: 'tract_similarity',
    summary: 'Compares every subject of a cohort, or every map of a directory, with a reference map or atlas',
    scope: 'cohort',
    namespace: 'tract_similarity',
    loadConfigSchema: async () => (await import('./tract-similarity/config.js')).TractSimilarityConfig,
    load: async () => {
      await import('./tract-similarity/workflow.js');
      return getWorkflow('tract_similarity');
    },
    sample: async () => ({ write: (await import('./tract-similarity/sample.js')).writeSampleComparison }),
  },
  {
    name: 'atlas_to_patient',
    summary: 'Brings the maps of an atlas, averaged or learned, to the grid of every patient',
    scope: 'participant',
    namespace: 'atlas_to_patient',
    loadConfigSchema: async () => (await import('./atlas-to-patient/config.js')).AtlasToPatientConfig,
    load: async () => {
      await import('./atlas-to-patient/workflow.js');
      return getWorkflow('atlas_to_patient');
    },
    sample: async () => ({ write: (await import('./atlas-to-patient/sample.js')).writeSamplePatients }),
  },
  {
    name: 'fooof',
    summary: 'Describes power spectra, given or made from time series, by an aperiodic part and peaks',
    scope: 'cohort',
    namespace: 'fooof',
    loadConfigSchema: async () => (await import('./fooof/config.js')).FooofConfig,
    load: async () => {
      await import('./fooof/workflow.js');
      return getWorkflow('fooof');
    },
    sample: async () => ({ write: (await import('./fooof/sample.js')).writeSampleSpectra }),
  },
  {
    name: 'encoding_fit',
    summary: 'Fits population receptive fields, tuning curves or ridge weights to every voxel',
    scope: 'cohort',
    namespace: 'encoding_fit',
    loadConfigSchema: async () => (await import('./encoding-fit/config.js')).EncodingFitConfig,
    load: async () => {
      await import('./encoding-fit/workflow.js');
      return getWorkflow('encoding_fit');
    },
    sample: async () => ({ write: (await import('./encoding-fit/sample.js')).writeSampleRecordings }),
  },
  {
    name: 'spectral_descriptors',
    summary:
      'Computes certified Laplace-Beltrami spectra and shape descriptors of surfaces, and compares them',
    scope: 'cohort',
    namespace: 'spectral_descriptors',
    loadConfigSchema: async () =>
      (await import('./spectral-descriptors/config.js')).SpectralDescriptorsConfig,
    load: async () => {
      await import('./spectral-descriptors/workflow.js');
      return getWorkflow('spectral_descriptors');
    },
    sample: async () => ({ write: (await import('./spectral-descriptors/sample.js')).writeSampleSurfaces }),
  },
];
