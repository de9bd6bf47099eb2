import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { DroppedSubject, skippedSubjects } from './cohort-input.js';
import { Evaluation, evaluationSummary } from './evaluation.js';
import { EVALUATION_FILE } from './learned-files.js';
import { writeJson } from './result-files.js';

/** Leave-one-out results of all subjects and their medians. */
export const summarizeEvaluation = defineNode({
  name: 'summarize_evaluation',
  version: 1,
  inputs: {
    evaluations: port.list(port.value(Evaluation)),
    dropped: port.list(port.value(DroppedSubject)),
    mode: port.value(z.string()),
    group_by: port.value(z.record(z.string(), z.string()).nullable()),
  },
  outputs: { evaluation: port.file('json') },
  async run({ evaluations, dropped, mode, group_by }, ctx) {
    const evaluation = ctx.outputFile(EVALUATION_FILE);
    const notEvaluated = skippedSubjects(dropped);
    await writeJson(evaluation, evaluationSummary({ evaluations, notEvaluated, mode, groupBy: group_by }));
    return { evaluation };
  },
});
