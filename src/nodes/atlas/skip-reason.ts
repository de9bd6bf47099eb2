/** Why a cohort goes without a subject: a code, and a sentence where the code alone does not say what to look at. */
export interface SkipReason {
  /** `missing`, `unreadable`, `non_finite`, `negative` or `no_mass`. */
  readonly reason: string;
  readonly detail?: string;
}

/** What a density that cannot be used looks like, by `densityDefect`. */
const DEFECTS = {
  non_finite: 'a voxel is NaN or infinite',
  negative: 'a voxel is below 0, which no count of streamlines is',
  no_mass: 'every voxel is 0: no streamline was found, or the mask is empty',
} as const;

/** The code of a defect and its sentence, as one text. */
export function defectText(defect: keyof typeof DEFECTS): string {
  return `${defect}: ${DEFECTS[defect]}`;
}

/** Code and sentence of a text `code: sentence`, as metadata hold them. */
export function skipReason(text: string): SkipReason {
  const found = /^([a-z_]+): (.*)$/s.exec(text);
  return found === null ? { reason: text } : { reason: found[1]!, detail: found[2]! };
}
