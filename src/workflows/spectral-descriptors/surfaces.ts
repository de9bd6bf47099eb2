import { readdirSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';

import { ConfigError, ProcessingError, StorageError } from '../../errors.js';
import { compareIds, detectGeometryFormat, GeometryFormat } from '../../io/index.js';
import { inputRoot, type Participants } from './participants.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { pathPattern } from './path-pattern.js';

/** A surface of a study. */
export interface StudySurface {
  /** Relative path without extension, `/` between folders: its name in tables and output files. */
  readonly name: string;
  /** Label of its node instances: the name with `__` between folders. */
  readonly id: string;
  readonly path: string;
  readonly participant: string;
  /** What is compared with what: the name without participant and session. */
  readonly structure: string;
  /** Labels of the volume at `path` that it is drawn around; null: the file holds the surface itself. */
  readonly labels: readonly number[] | null;
}

/** Which labels of segmentations are surfaces. */
export type SegmentationChoice = Pick<
  NonNullable<SpectralDescriptorsConfig['segmentation']>,
  'labels'
> | null;

/** Endings of surfaces; what stands before them is the stem. */
const ENDINGS =
  /(\.surf\.gii\.gz|\.surf\.gii|\.gii\.gz|\.gii|\.ply|\.obj|\.stl|\.vt[kp]|\.np[yz]|\.h5|\.hdf5|\.nii|\.mg[hz])(\.gz)?$/i;
/** FreeSurfer names its surfaces by what they are, without an ending. */
const FREESURFER = /^[lr]h\.[^.]+(\.[A-Za-z0-9]+)*$/;
/** Not anatomy: what a sphere or an inflated surface looks like says nothing of the brain. */
const NOT_ANATOMY =
  /^[lr]h\.(.*sphere.*|inflated.*)$|[_.](sphere|inflated|veryinflated|very_inflated|flat)([_.]|$)/i;
const LEFT_OUT_FOLDERS = new Set(['logs', 'node_modules']);
const SURFACE_FORMATS: readonly GeometryFormat[] = [
  GeometryFormat.FREESURFER_SURFACE,
  GeometryFormat.GIFTI_SURFACE,
  GeometryFormat.PLY,
  GeometryFormat.OBJ,
  GeometryFormat.STL,
  GeometryFormat.VTK,
];
/** These may hold anything: they count where a pattern asks for them. */
const ARRAYS = /\.(np[yz]|h5|hdf5)$/i;
const VOLUMES = /\.(nii|mg[hz])(\.gz)?$/i;
/** What segmentations are called: BIDS suffixes and FreeSurfer's names. An image beside them may hold any number. */
const SEGMENTATIONS = /(_dseg|aseg|wmparc|labels|segmentation|_seg|(^|\/)seg)[^/]*$/i;
/** FreeSurfer keeps ten and more versions of one segmentation: the final one stands for them. */
const FREESURFER_VOLUME = /(^|\/)mri\/(.*\/)?[^/]+\.mg[hz]$/i;
const FREESURFER_FINAL = /(^|\/)mri\/aseg\.mg[hz]$/i;
/** Surfaces that this workflow drew and published. */
export const DRAWN = '_drawn.surf.gii';

/**
 * The surfaces of a study: those that the table of participants names, or those below the input that are meshes by their
 * content (an unreadable file counts by its name) and fit the patterns. A volume stands for a surface per label.
 *
 * @param wanted - participants (`01` or `sub-01`) or labels of surfaces; null: all
 * @throws ConfigError USAGE when a wanted one is not there, or two surfaces would have the same output files
 */
export async function findSurfaces(
  inputDir: string,
  patterns: string | readonly string[] | null,
  participants: Participants | null,
  wanted: readonly string[] | null,
  segmentation: SegmentationChoice = null,
): Promise<StudySurface[]> {
  const root = inputRoot(inputDir);
  const found: StudySurface[] = [];
  if (participants?.surfaces != null) {
    for (const { path, participant, structure } of participants.surfaces) {
      const surface = surfaceOf(root, path, participants, { participant, structure });
      if (isVolume(path)) found.push(...drawnSurfaces(surface, segmentation));
      else found.push(surface);
    }
  } else {
    const rules = patterns === null ? null : [patterns].flat().map(pathPattern);
    for (const path of meshCandidates(root, root)) {
      const name = relative(root, path).split(sep).join('/');
      if (isVolume(path)) {
        const isMeant = rules === null ? isTakenByName(name) : rules.some((rule) => rule.test(name));
        if (isMeant && segmentation !== null) {
          found.push(...drawnSurfaces(surfaceOf(root, path, participants, null), segmentation));
        }
        continue;
      }
      const isMeant =
        rules === null
          ? !NOT_ANATOMY.test(basename(path)) && !ARRAYS.test(path)
          : rules.some((rule) => rule.test(name));
      if (isMeant && (await isMesh(path))) found.push(surfaceOf(root, path, participants, null));
    }
  }
  found.sort((a, b) => compareIds(a.id, b.id));
  const at = found.findIndex(({ id }, i) => found[i + 1]?.id === id);
  if (at >= 0) {
    const [one, other] = [found[at]!, found[at + 1]!].map(({ path }) => relative(root, path));
    throw new ConfigError('USAGE', `${one} and ${other} would have the same output files`, {
      cure: 'rename one of them, or choose with spectral_descriptors.surfaces',
    });
  }
  return chosenSurfaces(found, wanted, root);
}

/**
 * Those of some participants.
 *
 * @param wanted - participants (`01` or `sub-01`) or labels of surfaces; null: all
 * @throws ConfigError USAGE when a wanted one is not there
 */
export function chosenSurfaces(
  found: readonly StudySurface[],
  wanted: readonly string[] | null,
  root: string,
): StudySurface[] {
  if (wanted === null) return [...found];
  const missing = wanted.filter((label) => !found.some((surface) => isOf(surface, label)));
  if (missing.length > 0) {
    const there = [...new Set(found.map(({ participant }) => participant))];
    throw new ConfigError('USAGE', `no surface of ${missing.join(', ')} in ${root}`, {
      where: '--participants',
      cure: `choose from ${there.slice(0, 20).join(', ')}${there.length > 20 ? ', ...' : ''}`,
    });
  }
  return found.filter((surface) => wanted.some((label) => isOf(surface, label)));
}

/**
 * Spheres, inflated and flat surfaces that {@link findSurfaces} passes over because of their names; none where patterns or
 * the table of participants name the surfaces.
 */
export async function surfacesLeftOut(
  inputDir: string,
  patterns: string | readonly string[] | null,
  participants: Participants | null,
  wanted: readonly string[] | null,
): Promise<StudySurface[]> {
  if (patterns !== null || participants?.surfaces != null) return [];
  const root = inputRoot(inputDir);
  const found: StudySurface[] = [];
  for (const path of meshCandidates(root, root)) {
    if (!NOT_ANATOMY.test(basename(path)) || ARRAYS.test(path) || !(await isMesh(path))) continue;
    const surface = surfaceOf(root, path, participants, null);
    if (wanted === null || wanted.some((label) => isOf(surface, label))) found.push(surface);
  }
  return found.sort((a, b) => compareIds(a.id, b.id));
}

/**
 * Volumes below the input that are no surfaces because no label is chosen, or that are not called segmentations: relative
 * names, likely segmentations first.
 */
export function volumesPassedOver(
  inputDir: string,
  patterns: string | readonly string[] | null,
  participants: Participants | null,
  segmentation: SegmentationChoice,
): string[] {
  const root = inputRoot(inputDir);
  const nameOf = (path: string): string => relative(root, path).split(sep).join('/');
  if (participants?.surfaces != null) {
    if (segmentation !== null) return [];
    return participants.surfaces.filter(({ path }) => isVolume(path)).map(({ path }) => nameOf(path));
  }
  const rules = patterns === null ? null : [patterns].flat().map(pathPattern);
  return [...meshCandidates(root, root)]
    .filter((path) => {
      if (!isVolume(path)) return false;
      const name = nameOf(path);
      if (rules !== null) return segmentation === null && rules.some((rule) => rule.test(name));
      return segmentation === null || !isTakenByName(name);
    })
    .map(nameOf)
    .sort((a, b) => Number(SEGMENTATIONS.test(b)) - Number(SEGMENTATIONS.test(a)) || compareIds(a, b));
}

/** Whether a volume is taken where no pattern says which. */
function isTakenByName(name: string): boolean {
  return FREESURFER_VOLUME.test(name) ? FREESURFER_FINAL.test(name) : SEGMENTATIONS.test(name);
}

/** By the ending; whether it can be read is seen when the surface is drawn. */
function isVolume(path: string): boolean {
  return VOLUMES.test(path);
}

/** The surface of every chosen label of a volume. */
function drawnSurfaces(volume: StudySurface, segmentation: SegmentationChoice): StudySurface[] {
  if (segmentation === null) return [];
  const { labels } = segmentation;
  const regions: (readonly [string, number[]])[] =
    typeof labels === 'number' || Array.isArray(labels)
      ? [labels].flat().map((label) => [String(label), [label]])
      : Object.entries(labels).map(([name, own]) => [name, [own].flat()]);
  const unique = new Map(regions);
  return [...unique].map(([label, own]) => {
    const structure =
      volume.structure === 'surface' ? `label-${label}` : `${volume.structure}_label-${label}`;
    const name = `${volume.name}_label-${label}`;
    return { ...volume, name, id: name.replaceAll('/', '__'), structure, labels: own };
  });
}

function isOf({ id, participant }: StudySurface, label: string): boolean {
  return id === label || participant === label || participant === `sub-${label}`;
}

function* meshCandidates(root: string, folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || entry.name.endsWith(DRAWN)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!LEFT_OUT_FOLDERS.has(entry.name)) yield* meshCandidates(root, path);
    } else if (ENDINGS.test(entry.name) || FREESURFER.test(entry.name)) yield path;
  }
}

/** By content, or by name where the content says nothing: then reading it tells what is wrong. */
async function isMesh(path: string): Promise<boolean> {
  if (ARRAYS.test(path)) return true;
  try {
    return SURFACE_FORMATS.includes(await detectGeometryFormat(path));
  } catch (error) {
    if (!(error instanceof ProcessingError || error instanceof StorageError)) throw error;
    return /\.(surf\.gii|ply|obj|stl|vt[kp])(\.gz)?$/i.test(path);
  }
}

function surfaceOf(
  root: string,
  path: string,
  participants: Participants | null,
  given: { readonly participant: string; readonly structure: string | null } | null,
): StudySurface {
  const name = relative(root, path)
    .split(sep)
    .filter((part) => part !== '..')
    .join('/')
    .replace(ENDINGS, '');
  const participant = given?.participant ?? participantOf(name, participants);
  return {
    name,
    id: name.replaceAll('/', '__'),
    path,
    participant,
    structure: given?.structure ?? structureOf(name, participant),
    labels: null,
  };
}

/** A part `sub-<label>` of the path, an id of the table, the folder above `surf` or `mri`, the first folder, or the name. */
function participantOf(name: string, participants: Participants | null): string {
  const parts = name.split('/');
  const entity = /(?:^|[/_])(sub-[A-Za-z0-9]+)/.exec(name)?.[1];
  if (entity !== undefined) return entity;
  const stem = parts.at(-1)!;
  const known = participants?.ids.filter(
    (id) => parts.includes(id) || stem === id || stem.startsWith(`${id}_`) || stem.startsWith(`${id}.`),
  );
  if (known !== undefined && known.length > 0) {
    return known.reduce((longest, id) => (id.length > longest.length ? id : longest));
  }
  const surf = Math.max(parts.lastIndexOf('surf'), parts.lastIndexOf('mri'));
  if (surf > 0) return parts[surf - 1]!;
  return parts[0]!;
}

function structureOf(name: string, participant: string): string {
  const stem = name.split('/').at(-1)!;
  const own = stem
    .split('_')
    .filter((part) => part !== participant && part !== `sub-${participant}` && !/^ses-/.test(part))
    .join('_')
    .replace(new RegExp(`^${participant.replace(/[^\w]/g, '\\$&')}[_.-]?`), '');
  return own === '' ? 'surface' : own;
}
