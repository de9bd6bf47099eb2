import type { TemplateGraph } from '../../engine/template.js';
import { EXIT } from '../exit-codes.js';
import type { CacheOptions, StudyOptions } from '../options.js';
import { entriesOf, estimateText, planJson, planLines, planSummary } from '../plan-text.js';
import { prepareStudy } from '../prepare.js';
import { planRequest } from '../requests.js';
import type { Session } from '../session.js';

/** `pipeline plan`: what a run would do with every node, and why; writes nothing. */
export async function planCommand(
  options: StudyOptions & CacheOptions & { readonly json?: boolean; readonly exitCode?: boolean },
  session: Session,
): Promise<number> {
  return showPlan(options, session, {
    json: options.json === true,
    node: null,
    showNodes: true,
    tellsWork: options.exitCode === true,
  });
}

/** Also what `run --dry-run` does: with `showNodes` false only the counts are told. */
export async function showPlan(
  options: StudyOptions & CacheOptions & { readonly jobs?: number },
  session: Session,
  shown: {
    readonly json: boolean;
    readonly node: string | null;
    readonly showNodes: boolean;
    readonly tellsWork?: boolean;
  },
  untilOf: (template: TemplateGraph) => readonly string[] = () => options.until,
): Promise<number> {
  const prepared = await prepareStudy(options, session);
  if (prepared.kind === 'refused') return prepared.exitCode;
  const until = untilOf(prepared.workflow.template());
  const plan = await prepared.workflow.plan({ ...planRequest(options, prepared.study, session), until });
  const entries = shown.node === null ? plan.entries : entriesOf(plan, shown.node);
  if (shown.json) session.terminal.result(planJson(plan, entries));
  else if (shown.showNodes) for (const line of planLines(entries)) session.terminal.result(line);
  session.terminal.note(planSummary(plan));
  const estimate = estimateText(plan);
  if (estimate !== null) session.terminal.note(estimate);
  const hasWork = plan.counts.run + plan.counts['may-run'] > 0;
  return shown.tellsWork === true && hasWork ? EXIT.workToDo : EXIT.done;
}
