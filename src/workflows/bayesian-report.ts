import { readFile } from 'node:fs/promises';

import type { ReportBlock } from '../engine/report-section.js';
import type { ResultFiles } from '../engine/result-files.js';
import { readTsv } from '../io/index.js';

/** Columns of the summary that the report shows. */
const SHOWN = ['parameter', 'mean', 'sd', 'q2_5', 'q97_5', 'positive', 'ess_bulk', 'r_hat'];

/** The part of `bayesian_report.json` that is shown. */
interface FitReport {
  readonly settings: { readonly model: string; readonly outcome: string };
  readonly participants: readonly string[];
  readonly dropped: readonly { readonly participant: string; readonly reason: string }[];
  readonly problems: readonly string[];
}

/** The step `bayesian` in a report: what speaks against the draws, and the summary. Nothing where it was off. */
export async function bayesianBlocks(results: ResultFiles): Promise<ReportBlock[]> {
  const [summary, report] = [results.named('bayesian_summary.tsv'), results.named('bayesian_report.json')];
  if (summary === null || report === null) return [];
  const { settings, participants, dropped, problems } = JSON.parse(
    await readFile(report.absolute, 'utf8'),
  ) as FitReport;
  const { columns, rows } = await readTsv(summary.absolute);
  const places = SHOWN.map((name) => columns.indexOf(name));
  return [
    {
      kind: 'notice',
      tone: problems.length === 0 ? 'good' : 'warning',
      text:
        problems.length === 0
          ? `Bayesian model ${settings.model} of ${settings.outcome}: nothing speaks against the draws.`
          : `Bayesian model ${settings.model} of ${settings.outcome}: ${problems.join('; ')}.`,
    },
    {
      kind: 'table',
      title: 'Bayesian model',
      caption: `${participants.length} participants${dropped.length === 0 ? '' : `, ${dropped.length} left out`}; q2_5 to q97_5 holds 95 % of the draws, positive is the share above 0. All columns: ${summary.path}.`,
      columns: SHOWN.map((name) => ({ name })),
      rows: rows.map((row) =>
        places.map((at, i) => {
          const cell = row[at] ?? null;
          return i === 0 || cell === null ? cell : Number(cell);
        }),
      ),
    },
  ];
}
