import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { compareIds } from '../../io/index.js';
import { evaluationMedians } from '../../numerics/registration/evaluate.js';
import { DroppedSubject, skippedSubjects } from './cohort-input.js';
import { Evaluation } from './evaluation.js';
import { writeJson } from './result-files.js';

/** Version of the fields of evaluation.json. */
const SCHEMA_VERSION = 1;

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
    const subjects = [...evaluations].sort((a, b) => compareIds(a.id, b.id));
    const evaluation = ctx.outputFile('evaluation.json');
    const median = evaluationMedians(
      subjects.map((subject) => ({
        relative_reduction: subject.relative_reduction ?? NaN,
        departure_pearson: subject.departure_pearson ?? NaN,
      })),
    );
    await writeJson(evaluation, {
      schema_version: SCHEMA_VERSION,
      protocol: 'leave_one_group_out',
      mode,
      group_by,
      n_subjects: subjects.length,
      median,
      subjects,
      not_evaluated: skippedSubjects(dropped),
    });
    return { evaluation };
  },
});
