/** What the steps of the workflow beside its main line take of it. */
import type { Items, Mapped } from '../../engine/handle.js';
import type { ExternalFile, FileOf } from '../../engine/port.js';
import type { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import type { SpectralDescriptorsConfig } from './config.js';
import type { StudySurface } from './surfaces.js';

export interface StepContext {
  readonly chosen: SpectralDescriptorsConfig;
  readonly settings: DescriptorSettings;
  readonly surfaces: Items<StudySurface>;
  /** The file of each surface: of the input, or drawn. */
  readonly geometry: Items<ExternalFile | FileOf<'any'>>;
  readonly inputDir: string;
  readonly mesh: {
    readonly vertices: Mapped<FileOf<'npy'>>;
    readonly faces: Mapped<FileOf<'npy'>>;
    readonly vertex_map: Mapped<FileOf<'npy'> | null>;
  };
  readonly solved: {
    readonly eigenvalues: Mapped<FileOf<'tsv'>>;
    readonly eigenvectors: Mapped<FileOf<'npy'>>;
    readonly report: Mapped<FileOf<'json'>>;
  };
  readonly memory: { readonly resources: { readonly memoryGb: number } };
  /** Name of an output file of a surface. */
  readonly published: (suffix: string) => (id: string) => string;
}
