import { resolve } from 'node:path';

import type { RecommendRequest } from '../../workflows/spectral-descriptors/recommend-surface.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';

export interface RecommendOptions {
  readonly objective: RecommendRequest['objective'];
  readonly surrogates: number;
  readonly noise: number;
  readonly k: number;
  readonly seed: number;
  readonly eligibility?: string;
  readonly json?: boolean;
}

/** `pipeline recommend MESH`: which shape descriptors see the change that a study is after. */
export async function recommendCommand(
  surface: string,
  options: RecommendOptions,
  session: Session,
): Promise<number> {
  const { recommendForSurface } = await import('../../workflows/spectral-descriptors/recommend-surface.js');
  const found = await recommendForSurface({
    ...options,
    surface: resolve(session.cwd, surface),
    eligibility: options.eligibility === undefined ? null : resolve(session.cwd, options.eligibility),
    onProgress: (done, total) => {
      if (done % 10 === 0 || done === total) session.terminal.note(`${done} of ${total} copies`);
    },
  });
  if (options.json === true) {
    session.terminal.result(JSON.stringify(found, null, 2));
    return EXIT.done;
  }
  const head = ['descriptor', 'score', 'auc', 'accuracy', 'effect', 'p', 'cost'];
  const rows = found.map((one) =>
    one.status === 'evaluated'
      ? [
          one.descriptor,
          one.score.toFixed(3),
          one.auc.toFixed(3),
          one.balancedAccuracy.toFixed(3),
          one.effect.toFixed(2),
          one.p.toPrecision(2),
          one.cost,
        ]
      : [one.descriptor, `excluded: ${one.reason}`],
  );
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.filter((row) => row.length > 2).map((row) => row[column]!.length)),
  );
  for (const row of [head, ...rows]) {
    session.terminal.result(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  }
  return EXIT.done;
}
