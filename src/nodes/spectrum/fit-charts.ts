import type { ChartSpec, TsvTable } from '../../io/index.js';
import { FIT_WARNINGS, type FitWarning } from '../../numerics/fooof/fit-warnings.js';
import { CHART_SCHEMA, chartRow, failureList, parameterPanels, portion, thinned } from './chart-parts.js';
import { errorPanel, warningList, type CountedWarning } from './check-panels.js';
import { conditionPanel, type ConditionedFits } from './condition-panel.js';
import type { WatchedFits } from './fit-sidecar.js';
import type { Bands, FrequencyScale } from './spectrum-parts.js';

/**
 * The fits of a cohort in one picture: distributions of exponent, R2 and peak centres, error against R2, power and bandwidth of
 * the peaks against their centre, mean spectra of recordings and conditions, the error by frequency, what a person should look at, and the fits that failed.
 *
 * @param fits - the cohort table of fits
 * @param peaks - the cohort table of peaks
 * @param given - of each recording, with its condition
 */
export function cohortChart(
  fits: TsvTable,
  peaks: TsvTable,
  given: readonly ConditionedFits[],
  {
    condition,
    bands,
    frequencyScale: scale,
  }: { readonly condition: string | null; readonly bands: Bands; readonly frequencyScale: FrequencyScale },
): ChartSpec {
  const watched = given.map((one) => one.watched);
  const status = fits.columns.indexOf('status');
  // Thinned as text: only what is shown becomes numbers.
  const fitted = fits.rows.filter((row) => row[status] === 'ok');
  const good = thinned(fitted).map((row) => chartRow(fits.columns, row));
  const shownPeaks = thinned(peaks.rows).map((row) => chartRow(peaks.columns, row));
  const failed = fits.rows.filter((row) => row[status] !== 'ok').map((row) => chartRow(fits.columns, row));
  const [all, shown] = [fitted.length, shownPeaks.length];
  return {
    $schema: CHART_SCHEMA,
    title: `${portion(good.length, all)} fits, ${portion(shown, peaks.rows.length)} peaks, ${failed.length} failed`,
    vconcat: [
      ...parameterPanels(good, shownPeaks),
      ...byAxis(given).map((members) => conditionPanel(members, condition, bands, scale)),
      ...pooledErrors(watched).map((one) => errorPanel(one, scale)),
      warningList(cohortWarnings(watched), 'spectra'),
      failureList(failed),
    ],
    resolve: { scale: { color: 'independent' as const } },
  };
}

/** The errors of all recordings with the same fitted frequencies together, a member per set of frequencies. */
export function pooledErrors(watched: readonly WatchedFits[]): Array<Pick<WatchedFits, 'fitted' | 'errors'>> {
  return byAxis(watched.map((one) => ({ watched: one }))).map((group) => {
    const members = group.map((one) => one.watched);
    const spectra = members.reduce((sum, { errors }) => sum + errors.spectra, 0);
    const pooled = (value: (one: WatchedFits, bin: number) => number): Array<number | null> =>
      members[0]!.errors.mean_error.map((_, bin) => {
        const sum = members.reduce((total, one) => {
          return one.errors.spectra === 0 ? total : total + one.errors.spectra * value(one, bin);
        }, 0);
        return spectra === 0 ? null : Number((sum / spectra).toPrecision(5));
      });
    const mean = pooled(({ errors }, bin) => errors.mean_error[bin]!);
    // The mean square of a recording is its variance and the square of its mean.
    const square = pooled(({ errors }, bin) => errors.sd_error[bin]! ** 2 + errors.mean_error[bin]! ** 2);
    return {
      fitted: {
        ...members[0]!.fitted,
        spectra: members.reduce((sum, { fitted }) => sum + fitted.spectra, 0),
      },
      errors: {
        spectra,
        mean_error: mean,
        sd_error: mean.map((value, bin) =>
          value === null ? null : Math.sqrt(Math.max(0, square[bin]! - value * value)),
        ),
        mean_residual: pooled(({ errors }, bin) => errors.mean_residual[bin]!),
      },
    };
  });
}

/** Recordings with the same fitted frequencies together. */
function byAxis<T extends { readonly watched: WatchedFits }>(given: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of given) {
    const { range, bins } = one.watched.fitted;
    const key = `${range.join(' ')} ${bins}`;
    const own = groups.get(key) ?? [];
    groups.set(key, own);
    own.push(one);
  }
  return [...groups.values()];
}

/** How many spectra of all have each warning, and the recordings with most of them. */
export function cohortWarnings(watched: readonly WatchedFits[]): CountedWarning[] {
  const of = watched.reduce((sum, { fitted }) => sum + fitted.spectra, 0);
  const counts = new Map<FitWarning, Array<{ name: string; count: number }>>();
  for (const { fitted, warnings } of watched) {
    for (const { warning, spectra } of warnings) {
      const own = counts.get(warning) ?? [];
      counts.set(warning, own);
      own.push({ name: fitted.recording, count: spectra.length });
    }
  }
  return (Object.keys(FIT_WARNINGS) as FitWarning[]).flatMap((warning) => {
    const found = counts.get(warning)?.toSorted((a, b) => b.count - a.count);
    if (found === undefined) return [];
    const count = found.reduce((sum, one) => sum + one.count, 0);
    const names = found.map((one) => `${one.name} (${one.count})`);
    return [{ warning, meaning: FIT_WARNINGS[warning], count, of, names }];
  });
}
