import { relative, sep } from 'node:path';
import { statSync } from 'node:fs';

import { PipelineError } from '../../errors.js';
import type { Problem } from '../../engine/requirements.js';
import { readNiftiHeader, readWaytotal, voxelBytes, voxelSizeOf, type NiftiHeader } from '../../io/index.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import { GRID_CURE, gridMismatch, type GridOf } from '../../nodes/atlas/cohort-grid.js';
import type { CohortMember } from './cohort.js';

/** A subject whose header can be read. */
export interface ReadableMember extends CohortMember {
  readonly header: NiftiHeader;
}

/** What the headers of a cohort say, without reading a voxel. */
export interface CohortInspection {
  readonly readable: readonly ReadableMember[];
  /** Subjects that will be skipped: `missing`, or `unreadable: ...`. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** Reads the header of every member; never throws for a bad file. */
export function inspectCohort(members: readonly CohortMember[]): CohortInspection {
  const readable: ReadableMember[] = [];
  const skipped: { id: string; reason: string }[] = [];
  for (const member of members) {
    try {
      const header = readNiftiHeader(member.volume);
      voxelBytes(header, member.volume);
      readable.push({ ...member, header });
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      const isMissing = error.code === 'FILE_MISSING';
      const said = error.message.replaceAll(member.volume, shownPath(member.volume));
      skipped.push({ id: member.id, reason: isMissing ? 'missing' : `unreadable: ${said}` });
    }
  }
  return { readable, skipped };
}

/** Problem when the cohort directory is not there, else null. */
export function rootProblem(workflow: string, root: string | null): Problem | null {
  const found = root === null ? undefined : statSync(root, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return null;
  const isFile = root !== null && found !== undefined;
  return {
    severity: 'error',
    code: 'INPUT_MISSING',
    message: `${workflow}: cohort directory not found: ${root === null ? '(not given)' : shownPath(root)}${isFile ? ' is a file' : ''}`,
    cure: isFile
      ? 'give the directory that holds the folders of the subjects with -i'
      : 'give the cohort directory with -i, or set input_dir in the configuration',
  };
}

/** Problem when fewer than `minSubjects` members are readable, with up to five reasons, else null. */
export function tooFewProblem(options: {
  readonly workflow: string;
  readonly root: string;
  readonly relpath: string;
  readonly minSubjects: number;
  readonly inspection: CohortInspection;
}): Problem | null {
  const { workflow, inspection, minSubjects } = options;
  const found = inspection.readable.length;
  if (found >= minSubjects) return null;
  const reasons = inspection.skipped.length === 0 ? '' : `; skipped: ${reasonsOf(inspection.skipped)}`;
  return {
    severity: 'error',
    code: 'MIN_SUBJECTS',
    message:
      `${workflow}: found ${found} subject(s) with a readable ${options.relpath} under ${shownPath(options.root)}, ` +
      `need at least ${minSubjects}${reasons}`,
    cure:
      found >= lowestMinimum(workflow)
        ? `add subjects, or set ${workflow}.min_subjects to ${found}`
        : 'add subjects, or check -i and atlas.tractography_relpath',
  };
}

/** Warning when subjects will be left out although enough are readable, with up to five reasons, else null. */
export function skippedProblem(workflow: string, { readable, skipped }: CohortInspection): Problem | null {
  if (skipped.length === 0) return null;
  const all = readable.length + skipped.length;
  const message = `${workflow}: ${skipped.length} of ${all} subjects will be skipped: ${reasonsOf(skipped)}`;
  return {
    severity: 'warning',
    code: 'REQUIREMENT',
    message,
    cure: 'restore the files, or name the other subjects with --participants',
  };
}

function reasonsOf(skipped: CohortInspection['skipped']): string {
  const shown = skipped.slice(0, 5).map(({ id, reason }) => `${id} (${reason})`);
  const more = skipped.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function lowestMinimum(workflow: string): number {
  return workflow === 'atlas' ? 1 : 2;
}

/** One problem per subject whose axes or affine differ from those of the first readable one. */
export function geometryProblems(workflow: string, { readable }: CohortInspection): Problem[] {
  const [first, ...others] = readable;
  if (first === undefined) return [];
  const own = readable.flatMap((member) => ownGeometryProblem(workflow, member));
  const broken = new Set(own.map((problem) => problem.path));
  if (broken.has(first.volume)) return own;
  const compared = others
    .filter((member) => !broken.has(member.volume))
    .flatMap((member) => differenceProblem(workflow, member, first));
  return [...own, ...compared];
}

function ownGeometryProblem(workflow: string, { volume, header }: ReadableMember): Problem[] {
  if (header.shape.length !== 3) {
    return [
      {
        severity: 'error',
        code: 'COHORT_MISMATCH',
        message: `${workflow}: ${shownPath(volume)} has ${header.shape.length} axes (${header.shape.join('x')}), not 3`,
        cure: 'give one 3-D tract density volume per subject',
        path: volume,
      },
    ];
  }
  try {
    voxelSizeOf(header.affine, shownPath(volume));
    return [];
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    const { code, message, cure = 'repair the header' } = error;
    return [{ severity: 'error', code, message: `${workflow}: ${message}`, cure, path: volume }];
  }
}

function differenceProblem(workflow: string, member: ReadableMember, first: ReadableMember): Problem[] {
  const grid = ({ volume, header }: ReadableMember): GridOf => ({
    file: shownPath(volume),
    shape: header.shape,
    affine: header.affine,
  });
  const mismatch = gridMismatch(grid(member), grid(first));
  if (mismatch === null) return [];
  const message = `${workflow}: ${mismatch}`;
  return [{ severity: 'error', code: 'COHORT_MISMATCH', message, cure: GRID_CURE, path: member.volume }];
}

/** One problem per readable subject without a usable waytotal, where the normalisation needs it. */
export function waytotalProblems(
  workflow: string,
  method: NormalizationMethod,
  { readable }: CohortInspection,
): Problem[] {
  if (method !== 'waytotal') return [];
  return readable.flatMap(({ waytotal }): Problem[] => {
    try {
      readWaytotal(waytotal);
      return [];
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      const message = `${workflow}: ${error.message.replaceAll(waytotal, shownPath(waytotal))}`;
      return [
        { severity: 'error', code: error.code, message, cure: error.cure ?? 'restore it', path: waytotal },
      ];
    }
  });
}

/** A path as the user would type it: relative to the working directory where it lies below it. */
export function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  if (below === '') return '.';
  return below === '..' || below.startsWith(`..${sep}`) ? path : below;
}
