import type { ChartSpec } from '../../io/index.js';
import {
  CHART_SCHEMA,
  failureList,
  parameterPanels,
  portion,
  thinned,
  type ChartRow,
} from './chart-parts.js';

/**
 * The fits of a cohort in one picture: distributions of exponent, R2 and peak centres, error against R2, power and bandwidth of
 * the peaks against their centre, and the fits that failed.
 *
 * @param fits - rows of the cohort table of fits
 * @param peaks - rows of the cohort table of peaks
 */
export function cohortChart(fits: readonly ChartRow[], peaks: readonly ChartRow[]): ChartSpec {
  const good = thinned(fits.filter(({ status }) => status === 'ok'));
  const shownPeaks = thinned(peaks);
  const failed = fits.filter(({ status }) => status !== 'ok');
  const [all, shown] = [fits.length - failed.length, shownPeaks.length];
  return {
    $schema: CHART_SCHEMA,
    title: `${portion(good.length, all)} fits, ${portion(shown, peaks.length)} peaks, ${failed.length} failed`,
    vconcat: [...parameterPanels(good, shownPeaks), failureList(failed)],
  };
}
