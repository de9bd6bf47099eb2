import { z } from 'zod';

import type { InputFile } from '../../engine/port.js';
import { compareIds, readNpy } from '../../io/index.js';
import { skipReason, type SkipReason } from './skip-reason.js';
import type { SubjectInfo } from './subject-volume.js';

/** A subject that a join went without, as the engine reports it. */
export const DroppedSubject = z.strictObject({ key: z.string(), reason: z.string() });
export type DroppedSubject = z.infer<typeof DroppedSubject>;

/** A subject that a cohort goes without, as metadata list it. */
export interface SkippedSubject extends SkipReason {
  readonly id: string;
}

/** Any JSON object: the configuration as it was used, for metadata. */
export const ConfigRecord = z.record(z.string(), z.json());

/** One subject as a joining node receives it. */
export interface JoinedSubject {
  readonly info: SubjectInfo;
  readonly density: InputFile;
}

/**
 * Puts the lists of a join together and in discovery order, which for BIDS labels is not the order of keys.
 *
 * @param infos - same order and length as `densities`
 */
export function joinedSubjects(
  infos: readonly SubjectInfo[],
  densities: readonly InputFile[],
): JoinedSubject[] {
  return infos
    .map((info, i) => ({ info, density: densities[i]! }))
    .sort((a, b) => compareIds(a.info.id, b.info.id));
}

/** Normalised density of one subject, float32, C order. */
export async function readDensity(file: InputFile): Promise<Float32Array> {
  const { data } = await readNpy(file.path);
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** Skipped subjects as metadata list them, in discovery order. */
export function skippedSubjects(dropped: readonly DroppedSubject[]): SkippedSubject[] {
  return dropped
    .map(({ key, reason }) => ({ id: key, ...skipReason(reason) }))
    .sort((a, b) => compareIds(a.id, b.id));
}
