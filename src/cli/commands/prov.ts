import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { digestFile } from '../../engine/artifact-store.js';
import { findOrigin, type Origin, type OriginUse } from '../../engine/provenance-search.js';
import { ConfigError } from '../../errors.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { withoutControlCodes } from '../terminal.js';
import { reportConfigProblems } from './report-config.js';

/** What a node took of one port is listed up to this number. */
const SHOWN_USES = 8;

/** `pipeline prov --of FILE`: the way back from a file, known by its content, to the files that were read. */
export async function provCommand(
  options: ConfigSources & { readonly of: string; readonly json?: boolean },
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const { outputDir } = place.value;
  const file = resolve(session.cwd, options.of);
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new ConfigError('USAGE', `there is no file ${options.of}`, { cure: 'name a file with --of' });
  }
  const digest = digestFile(file);
  const origin = findOrigin(outputDir, digest);
  if (origin === null) {
    throw new ConfigError(
      'USAGE',
      `no run of ${outputDir} made or read a file with the content of ${options.of}`,
      {
        where: `sha256 ${digest}`,
        cure: 'name the output directory of the run with -o; a file that was changed afterwards is another file',
      },
    );
  }
  if (options.json === true) session.terminal.result(JSON.stringify(origin.document, null, 2));
  else for (const line of originLines(origin, relative(session.cwd, file))) session.terminal.result(line);
  return EXIT.done;
}

function originLines(origin: Origin, name: string): string[] {
  const lines = [`${name}  ${origin.entity}`];
  if (origin.steps.length === 0) lines.push('  read by a run, made by none');
  const places = text(origin.attributes['prov:location']);
  if (places !== null) lines.push(`  known as ${places}`);
  for (const { runId, attributes, used } of origin.steps) {
    const node = `${text(attributes['nl:node'])} version ${text(attributes['nl:nodeVersion'])}`;
    lines.push(`${text(attributes['prov:label'])}  (${node}, run ${runId})`);
    for (const role of new Set(used.map((use) => use.role))) {
      lines.push(
        ...usedLines(
          role,
          used.filter((use) => use.role === role),
        ),
      );
    }
    for (const [attribute, value] of Object.entries(attributes)) {
      if (attribute.startsWith('nl:param:'))
        lines.push(`  ${attribute.slice('nl:param:'.length)} = ${text(value)}`);
    }
  }
  return lines.map(withoutControlCodes);
}

function usedLines(role: string, uses: readonly OriginUse[]): string[] {
  const lines = uses.slice(0, SHOWN_USES).map((use) => {
    const name = text(use.attributes['prov:location']) ?? text(use.attributes['prov:label']);
    const what = name ?? `value ${text(use.attributes['prov:value'])}`;
    return `  ${role} <- ${what}${use.isMade ? '' : ' (from outside)'}${contentText(use.entity)}`;
  });
  if (uses.length > SHOWN_USES) lines.push(`  ${role} <- ... and ${uses.length - SHOWN_USES} more`);
  return lines;
}

function contentText(entity: string): string {
  return entity.startsWith('sha256:') ? `  ${entity.slice(0, 'sha256:'.length + 12)}` : '';
}

function text(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : JSON.stringify(value);
}
