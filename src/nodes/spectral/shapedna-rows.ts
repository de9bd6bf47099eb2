import { ProcessingError } from '../../errors.js';
import { shapeDna, type ShapeDnaNormalisation } from '../../numerics/descriptors/spectral-distances.js';
import type { SurfaceRecord } from './surface-record.js';

export interface ShapeDnaRows {
  /** Eigenvalues above 0 that all surfaces have. */
  readonly count: number;
  readonly rows: ReadonlyArray<{
    readonly surface: string;
    /** BIDS URI. */
    readonly source: string;
    readonly values: Float64Array;
  }>;
  readonly warnings: readonly string[];
}

/**
 * Normalised spectra of a cohort, cut to one length: surfaces in several parts have fewer eigenvalues above 0. Surfaces that
 * cannot be normalised so (open, by volume) are left out.
 */
export function shapeDnaRows(
  records: readonly SurfaceRecord[],
  normalisation: ShapeDnaNormalisation,
): ShapeDnaRows {
  const warnings: string[] = [];
  const rows = records.flatMap(({ label, source, area, volume, eigenvalues }) => {
    const size = { area, ...(volume === null ? {} : { volume }) };
    try {
      const values = shapeDna(Float64Array.from(eigenvalues), normalisation, size);
      return [{ surface: label.surface, source, values }];
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      warnings.push(`${label.surface}: left out of shapedna.tsv: ${error.message}`);
      return [];
    }
  });
  const lengths = rows.map(({ values }) => values.length);
  const count = rows.length === 0 ? 0 : Math.min(...lengths);
  if (lengths.some((length) => length !== count)) {
    warnings.push(
      `surfaces have up to ${Math.max(...lengths)} eigenvalues above 0; the first ${count} are compared`,
    );
  }
  return {
    count,
    rows: rows.map((row) => ({ ...row, values: row.values.slice(0, count) })),
    warnings,
  };
}
