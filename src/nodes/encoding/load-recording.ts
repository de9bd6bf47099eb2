import { writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port, type InputFile } from '../../engine/port.js';
import { writeNpy, writeTsv, type TsvCell } from '../../io/index.js';
import { hasHrf, MODEL_NAMES, stimulusOf } from '../../numerics/encoding/settings.js';
import { readConfounds } from './confounds.js';
import { RecordingInfo } from './recording-info.js';
import { readCoordinates, readStimulus } from './stimulus.js';
import { readVoxels, type VoxelData } from './voxel-data.js';

const LABELS_KEPT = 500;

/** Reads and cleans one recording: voxels, paradigm, confounds. One that cannot be used is skipped with the reason. */
export const loadRecording = defineNode({
  name: 'load_recording',
  version: 1,
  inputs: {
    name: port.value(z.string()),
    bold: port.file('any'),
    mask: port.optional(port.file('any')),
    stimulus: port.file('any'),
    stimulus_kind: port.value(z.enum(['paradigm', 'events'])),
    coordinates: port.optional(port.file('any')),
    confounds_table: port.optional(port.file('any')),
    model: port.value(z.enum(MODEL_NAMES)),
    tr: port.value(z.number().nullable()),
    confounds: port.value(z.union([z.enum(['none', 'all']), z.array(z.string())])),
    detrend: port.value(z.int()),
    percent_change: port.value(z.boolean()),
  },
  outputs: {
    /** Row per voxel: voxels x time. */
    voxels: port.file('npy'),
    /** T x nx x ny, or T x D. */
    paradigm: port.file('npy'),
    /** P x 2; absent: -1 to 1. */
    grid: port.optional(port.file('npy')),
    /** T x C. */
    nuisance: port.optional(port.file('npy')),
    /** Name, and of a volume place, of every voxel. */
    places: port.file('tsv'),
    /** Of a volume, for its maps. */
    header: port.optional(port.file('nifti-header')),
    info: port.value(RecordingInfo),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const files = namedFiles(inputs);
    try {
      const given = await readVoxels(inputs.bold.path, inputs.mask?.path ?? null);
      const { frames } = given.shape;
      const tr = inputs.tr ?? given.shape.tr;
      if (hasHrf(inputs.model) && tr === null)
        return ctx.skip('the repetition time is not known: set encoding_fit.tr');
      const wanted = stimulusOf(inputs.model);
      const stimulus = await readStimulus({
        path: inputs.stimulus.path,
        kind: inputs.stimulus_kind,
        wanted,
        frames,
        tr,
      });
      const pixels = stimulus.values.length / frames;
      const coordinates =
        wanted === 'images' && inputs.coordinates !== null
          ? await readCoordinates(inputs.coordinates.path, pixels)
          : null;
      const confounds = await readConfounds({
        path: inputs.confounds_table?.path ?? null,
        choice: inputs.confounds,
        detrend: inputs.detrend,
        frames,
      });
      const data = inputs.percent_change ? asPercentChange(given) : given;
      const out = {
        voxels: ctx.outputFile('voxels.npy'),
        paradigm: ctx.outputFile('paradigm.npy'),
        places: ctx.outputFile('places.tsv'),
        grid: coordinates === null ? null : ctx.outputFile('grid.npy'),
        nuisance: confounds === null ? null : ctx.outputFile('nuisance.npy'),
        header: data.headerBytes === null ? null : ctx.outputFile('header.bin'),
      };
      const voxels = data.places.length;
      await writeNpy(out.voxels, { shape: [voxels, frames], data: data.values });
      await writeNpy(out.paradigm, { shape: stimulus.shape, data: stimulus.values });
      if (coordinates !== null) await writeNpy(out.grid!, { shape: [pixels, 2], data: coordinates.values });
      if (confounds !== null) {
        await writeNpy(out.nuisance!, {
          shape: [frames, confounds.names.length],
          data: confounds.values.values,
        });
      }
      if (data.headerBytes !== null) await writeFile(out.header!, data.headerBytes);
      await writePlaces(out.places, data);
      const labels = stimulus.labels;
      const info = {
        name: inputs.name,
        source: data.shape.source,
        frames,
        voxels,
        grid: [...data.shape.grid],
        tr,
        stimulus: [...stimulus.shape],
        stimulus_labels: labels === null || labels.length > LABELS_KEPT ? null : [...labels],
        confounds: [...(confounds?.names ?? [])],
        files: Object.fromEntries(files.map(([role, { relPath }]) => [role, relPath])),
      };
      return { ...out, info };
    } catch (error) {
      // What a person gave costs this recording; anything else is a failure of the node.
      if (!(error instanceof ProcessingError)) throw error;
      return ctx.skip(withoutPaths(error.message, files));
    }
  },
});

type FileRoles = [role: string, file: InputFile][];

function namedFiles(inputs: {
  readonly bold: InputFile;
  readonly mask: InputFile | null;
  readonly stimulus: InputFile;
  readonly coordinates: InputFile | null;
  readonly confounds_table: InputFile | null;
}): FileRoles {
  const { bold, mask, stimulus, coordinates, confounds_table } = inputs;
  const all: [string, InputFile | null][] = [
    ['data', bold],
    ['mask', mask],
    ['paradigm', stimulus],
    ['coordinates', coordinates],
    ['confounds', confounds_table],
  ];
  return all.flatMap(([role, file]): FileRoles => (file === null ? [] : [[role, file]]));
}

/** Names of files instead of places on this machine: the reason is cached and published. */
function withoutPaths(message: string, files: FileRoles): string {
  return files.reduce((text, [, { path, relPath }]) => text.replaceAll(path, relPath), message);
}

/** Percent of the mean of each voxel; without a positive mean it has none and is not a number. */
function asPercentChange(data: VoxelData): VoxelData {
  const { frames } = data.shape;
  const values = Float64Array.from(data.values);
  for (let v = 0; v < data.places.length; v++) {
    const row = values.subarray(v * frames, (v + 1) * frames);
    const mean = row.reduce((sum, value) => sum + value, 0) / frames;
    for (let t = 0; t < frames; t++) row[t] = mean > 0 ? 100 * (row[t]! / mean - 1) : NaN;
  }
  return { ...data, values };
}

/** @see readVoxels for the order */
async function writePlaces(path: string, { shape, places, names }: VoxelData): Promise<void> {
  const isVolume = shape.source === 'volume';
  const [, ny = 1, nz = 1] = shape.grid;
  const rows = Array.from(places, (place, i): TsvCell[] => {
    if (!isVolume) return [names?.[i] ?? place];
    return [place, Math.floor(place / (ny * nz)), Math.floor(place / nz) % ny, place % nz];
  });
  await writeTsv(path, isVolume ? ['voxel', 'i', 'j', 'k'] : ['voxel'], rows);
}
