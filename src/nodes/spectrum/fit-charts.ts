import type { ChartSpec, TsvTable } from '../../io/index.js';
import { CHART_SCHEMA, chartRow, failureList, parameterPanels, portion, thinned } from './chart-parts.js';

/**
 * The fits of a cohort in one picture: distributions of exponent, R2 and peak centres, error against R2, power and bandwidth of
 * the peaks against their centre, and the fits that failed.
 *
 * @param fits - the cohort table of fits
 * @param peaks - the cohort table of peaks
 */
export function cohortChart(fits: TsvTable, peaks: TsvTable): ChartSpec {
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
    vconcat: [...parameterPanels(good, shownPeaks), failureList(failed)],
  };
}
