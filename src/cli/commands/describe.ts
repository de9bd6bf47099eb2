import { ConfigError } from '../../errors.js';
import { requirementProblems } from '../../engine/prepare.js';
import type { ItemDescription } from '../../engine/registry.js';
import { isReady } from '../../engine/requirements.js';
import { bytesText } from '../bytes-text.js';
import { EXIT } from '../exit-codes.js';
import type { StudyOptions } from '../options.js';
import { checkOptions, contextOf, reportRequirements, reportWarnings } from '../prepare.js';
import type { Session } from '../session.js';
import { openStudy } from '../study.js';
import { openCatalog } from '../workflow-catalog.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline describe`: the dry pass of a workflow, item by item; reads the input, computes and writes nothing. */
export async function describeCommand(
  options: StudyOptions & { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  const opened = await openStudy(catalog, options, session);
  if (!opened.ok) return reportConfigProblems(opened.error, session);
  const study = opened.value;
  const { name } = study.entry;
  const definition = await study.entry.definition();
  const { config } = study.loaded;
  const context = contextOf(study, options);
  const problems = await requirementProblems({
    definition,
    config,
    context,
    find: (other) => catalog.find(other).definition(),
    ...checkOptions(options),
  });
  if (!isReady(problems)) return reportRequirements(name, problems, session);
  reportWarnings(name, problems, session);
  const described = definition.describeItems(config, context);
  if (described === null) {
    throw new ConfigError('USAGE', `the workflow ${name} has no dry pass`, {
      where: '-w',
      cure: 'see `pipeline plan` for what would run; of the workflows here fooof has one',
    });
  }
  const items: ItemDescription[] = [];
  for await (const item of described) {
    items.push(item);
    if (options.json !== true) for (const line of itemLines(item)) session.terminal.result(line);
  }
  const refused = items.filter((item) => item.refused !== null).length;
  const calls = items.reduce((sum, item) => sum + item.calls, 0);
  const bytes = items.flatMap(({ arrays }) => arrays).reduce((sum, array) => sum + array.bytes, 0);
  if (options.json === true) {
    session.terminal.result(
      JSON.stringify({ workflow: name, items: items.map(itemJson), calls, bytes }, null, 2),
    );
  }
  session.terminal.note(
    `${name}: ${items.length - refused} of ${items.length} items, ${calls} calls, ${bytesText(bytes)} of arrays`,
  );
  return EXIT.done;
}

function itemLines({ item, refused, notes, arrays, calls, chunkBytes }: ItemDescription): string[] {
  if (refused !== null) return [`${item}  skipped: ${refused}`];
  const size = (bytes: number): string => bytesText(bytes);
  return [
    `${item}  ${calls} ${calls === 1 ? 'call' : 'calls'}, largest result ${size(chunkBytes)}`,
    ...arrays.map(({ file, dataset, axes, type, bytes }) => {
      const shape = axes.map(([axis, length]) => `${axis} ${length}`).join(' x ');
      return `  ${file} ${dataset}: ${shape}, ${type}, ${size(bytes)}`;
    }),
    ...notes.map((note) => `  note: ${note}`),
  ];
}

function itemJson({ item, refused, notes, arrays, calls, chunkBytes }: ItemDescription): object {
  const shapes = arrays.map(({ file, dataset, axes, type, bytes }) => ({
    file,
    dataset,
    axes: axes.map(([axis]) => axis),
    shape: axes.map(([, length]) => length),
    type,
    bytes,
  }));
  return { item, refused, notes, arrays: shapes, calls, chunk_bytes: chunkBytes };
}
