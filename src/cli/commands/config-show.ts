import { configValues, configYaml } from '../../config/index.js';
import { EXIT } from '../exit-codes.js';
import type { StudyOptions } from '../options.js';
import type { Session } from '../session.js';
import { loadStudyConfig } from '../study.js';
import { openCatalog } from '../workflow-catalog.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline config show`: every value in force and where it comes from; with `-w`, the blocks it reads. */
export async function configShowCommand(
  options: StudyOptions & { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  if (options.workflow !== undefined) catalog.find(options.workflow);
  const loaded = await loadStudyConfig(catalog, options, session);
  if (!loaded.ok) return reportConfigProblems(loaded.error, session);
  const { config, place, files } = loaded.value;
  const values = configValues(config, place);
  if (options.json === true) {
    const origins = Object.fromEntries(values.map(({ path, origin }) => [path.join('.'), origin]));
    session.terminal.result(JSON.stringify({ files, values: config, origins }, null, 2));
  } else {
    session.terminal.result(configYaml(values));
  }
  return EXIT.done;
}
