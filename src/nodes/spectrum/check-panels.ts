/** Panels of a chart of fits that show where models fail, and what a person should look at. */
import type { FitWarning } from '../../numerics/fooof/fit-warnings.js';
import { PANEL } from './chart-parts.js';
import type { WatchedFits } from './fit-sidecar.js';
import { frequencyAxis, type FrequencyScale } from './spectrum-parts.js';

/** Most names of spectra that stand behind a warning. */
const NAMED_SPECTRA = 8;
const LINE_HEIGHT = 14;
const MOST_CHARACTERS = 150;

/** A warning and how often it was given. */
export interface CountedWarning {
  readonly warning: FitWarning;
  readonly meaning: string;
  readonly count: number;
  readonly of: number;
  /** Who has it, the first ones. */
  readonly names: readonly string[];
}

/** Error by frequency: mean size over the fits with its standard deviation, and the mean residual. */
export function errorPanel(
  { fitted: { range, bins }, errors }: Pick<WatchedFits, 'fitted' | 'errors'>,
  scale: FrequencyScale,
) {
  const step = (range[1] - range[0]) / Math.max(1, bins - 1);
  const values = errors.mean_error.map((mean, i) => {
    const sd = errors.sd_error[i] ?? null;
    return {
      frequency: Number((range[0] + i * step).toPrecision(6)),
      mean,
      low: mean === null || sd === null ? null : Math.max(0, mean - sd),
      high: mean === null || sd === null ? null : mean + sd,
      residual: errors.mean_residual[i] ?? null,
    };
  });
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'log10 power',
  });
  const named = (name: string) => ({
    datum: name,
    type: 'nominal' as const,
    title: null,
    scale: { domain: ['mean error, SD', 'mean residual'], range: ['#4c78a8', '#e45756'] },
  });
  return {
    title: `error by frequency, ${errors.spectra} fits`,
    width: 2 * PANEL.width,
    height: PANEL.height,
    data: { values },
    encoding: { x: frequencyAxis(scale) },
    layer: [
      {
        mark: { type: 'area' as const, opacity: 0.25 },
        encoding: { y: y('low'), y2: { field: 'high' }, color: named('mean error, SD') },
      },
      { mark: { type: 'line' as const }, encoding: { y: y('mean'), color: named('mean error, SD') } },
      { mark: { type: 'line' as const }, encoding: { y: y('residual'), color: named('mean residual') } },
    ],
  };
}

/** The warnings as lines of text. */
export function warningList(warnings: readonly CountedWarning[], counted: string) {
  const lines = warnings.flatMap(({ warning, meaning, count, of, names }) => {
    const shown = names.slice(0, NAMED_SPECTRA).join(', ') + (names.length > NAMED_SPECTRA ? ', ...' : '');
    return [
      { place: 0, head: 'head', text: `${warning}, ${count} of ${of} ${counted}: ${meaning}` },
      { place: 0, head: 'names', text: `    ${shown}` },
    ];
  });
  return {
    title: warnings.length === 0 ? 'no warnings' : `warnings: ${warnings.length}`,
    width: 3 * PANEL.width,
    height: Math.max(12, LINE_HEIGHT * lines.length),
    view: { stroke: null },
    data: {
      values: lines.map((line, place) => ({ ...line, place, text: line.text.slice(0, MOST_CHARACTERS) })),
    },
    mark: { type: 'text' as const, align: 'left' as const, x: 4 },
    encoding: {
      y: { field: 'place', type: 'ordinal' as const, axis: null },
      text: { field: 'text', type: 'nominal' as const },
      color: {
        field: 'head',
        type: 'nominal' as const,
        legend: null,
        scale: { domain: ['head', 'names'], range: ['#000000', '#666666'] },
      },
    },
  };
}

/** The warnings of one recording with their spectra. */
export function countedWarnings({
  fitted,
  warnings,
}: {
  readonly fitted: Pick<WatchedFits['fitted'], 'spectra'>;
  readonly warnings: WatchedFits['warnings'];
}): CountedWarning[] {
  return warnings.map(({ warning, meaning, spectra }) => ({
    warning,
    meaning,
    count: spectra.length,
    of: fitted.spectra,
    names: spectra,
  }));
}
