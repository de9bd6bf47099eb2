/** The one file that knows the chart packages: a Vega-Lite specification becomes SVG text, without a browser or a canvas. */
import type { TopLevelSpec } from 'vega-lite';

import { ProcessingError } from '../errors.js';
import { writeAtomic } from './atomic-write.js';

/** A Vega-Lite 6 specification with its data in `values`; URLs are refused. */
export type ChartSpec = TopLevelSpec;

/** A chart as SVG, and what the chart packages said of it. */
export interface RenderedChart {
  /** A whole SVG document; equal specifications give equal text. */
  readonly svg: string;
  /** What the chart packages found odd but drew, e.g. a zero on a logarithmic axis. */
  readonly warnings: readonly string[];
}

/** Look of all our charts; what a specification sets itself wins. */
const HOUSE_CONFIG = {
  background: 'white',
  font: 'sans-serif',
  axis: { gridColor: '#e6e6e6', labelFontSize: 11, titleFontSize: 12, titleFontWeight: 'normal' },
  legend: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: 'normal' },
  title: { fontSize: 13, anchor: 'start' },
  view: { stroke: '#b0b0b0' },
} as const;

/** Renders wait for each other: the package counts the ids of a document in one place for the whole process. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Draws a chart.
 *
 * @param spec - Vega-Lite; every number finite, a missing value null
 * @throws ProcessingError INVALID_ARGUMENT when the specification cannot be drawn, or names data by URL
 */
export async function renderChart(spec: ChartSpec): Promise<RenderedChart> {
  const drawn = last.then(() => draw(spec));
  last = drawn.catch(() => undefined); // the caller of that chart has the error; the next chart goes on
  return drawn;
}

/**
 * Writes a chart and its specification, which viewers and editors of Vega-Lite open.
 *
 * @param paths - of the SVG file and of the specification (`.vl.json`)
 * @returns the warnings of `renderChart`
 * @throws ProcessingError INVALID_ARGUMENT; StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeChart(
  paths: { readonly svg: string; readonly spec: string },
  spec: ChartSpec,
): Promise<readonly string[]> {
  const { svg, warnings } = await renderChart(spec);
  await writeAtomic(paths.svg, svg);
  await writeAtomic(paths.spec, `${JSON.stringify(spec)}\n`);
  return warnings;
}

async function draw(spec: ChartSpec): Promise<RenderedChart> {
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
  const warnings: string[] = [];
  const errors: string[] = [];
  const logger = collector(warnings, errors);
  const options = { renderer: 'none', logger, loader: refusingLoader(errors), logLevel: vega.Warn } as const;
  let svg;
  try {
    // A copy, as it will be in the file: the packages number the rows that they are given.
    const copy = JSON.parse(JSON.stringify(spec)) as ChartSpec;
    const compiled = lite.compile(copy, { logger, config: HOUSE_CONFIG });
    const view = new vega.View(vega.parse(compiled.spec), options);
    try {
      vega.resetSVGDefIds();
      svg = await view.toSVG();
    } finally {
      view.finalize();
    }
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error), error);
  }
  if (errors.length > 0) throw refused(errors.join('; '));
  return { svg: `${svg}\n`, warnings };
}

/** The packages' own logger would print. */
function collector(warnings: string[], errors: string[]) {
  let level = 0;
  const text = (parts: readonly unknown[]): string =>
    parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ');
  const logger = {
    level(value?: number) {
      if (value === undefined) return level;
      level = value;
      return logger;
    },
    error(...parts: readonly unknown[]) {
      errors.push(text(parts));
      return logger;
    },
    warn(...parts: readonly unknown[]) {
      warnings.push(text(parts));
      return logger;
    },
    info: () => logger,
    debug: () => logger,
  };
  // Both packages read `level` as a getter and as a setter; their types say it in two ways.
  return logger as never;
}

function refusingLoader(errors: string[]) {
  const refuse = (uri: string): Promise<never> => {
    errors.push(`its data are at ${uri}`);
    return Promise.reject(new Error(`refused: ${uri}`));
  };
  return { load: refuse, sanitize: refuse, http: refuse, file: refuse } as never;
}

function refused(what: string, cause?: unknown): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', `a chart cannot be drawn: ${what}`, {
    where: 'chart',
    cure: 'check the chart against the Vega-Lite documentation; give its data as values',
    ...(cause === undefined ? {} : { cause }),
  });
}
