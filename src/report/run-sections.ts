/** What every report says, whatever the workflow: how it ended, what ran and why, failures, times, files, software. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { durationText } from '../engine/duration-text.js';
import { reasonText } from '../engine/reason-text.js';
import type { RunReason } from '../engine/events.js';
import type { ReportSection } from '../engine/report-section.js';
import { bytesText, commandText, count, median, memoryText } from './format.js';
import { graphPicture, type GraphNote } from './graph-picture.js';
import { html, type Html } from './html.js';
import type { PageSection } from './page.js';
import type { FailedEvent, InstanceFacts, RunFacts } from './run-facts.js';
import { table, withoutZeros } from './table.js';
import { timeline } from './timeline.js';

const STATUS_WORDS: Readonly<Record<RunFacts['status'], readonly [tone: string, words: string]>> = {
  done: ['good', 'done'],
  'done-with-failures': ['warning', 'done, but not everything succeeded'],
  failed: ['bad', 'failed'],
  cancelled: ['warning', 'stopped before its end'],
  running: ['warning', 'still running'],
  interrupted: ['bad', 'its process ended without a word'],
};

/** Failures that are shown in full. */
const MOST_FAILURES = 40;

export function statusMark({ status }: RunFacts): Html {
  const [tone, words] = STATUS_WORDS[status];
  return html`<span class="status ${tone}">${words}</span>`;
}

export function summarySection(facts: RunFacts): PageSection {
  const { document, ms, instances } = facts;
  const by = countStates(instances.values());
  const shown: readonly (readonly [state: InstanceFacts['state'], words: string])[] = [
    ['executed', 'ran'],
    ['reused', 'reused'],
    ['adopted', 'taken over'],
    ['skipped', 'skipped'],
    ['failed', 'failed'],
    ['not-started', 'not started'],
    ['cancelled', 'cancelled'],
    ['unfinished', 'unfinished'],
  ];
  const tiles = shown.flatMap(([state, words]) => {
    const number = by.get(state) ?? 0;
    return number > 0 || state === 'executed' || state === 'reused'
      ? [html`<li><b>${number}</b>${words}</li>`]
      : [];
  });
  return {
    id: 'summary',
    title: 'Summary',
    content: html`<ul class="tiles">
        ${tiles}
        <li><b>${durationText(ms)}</b>in all</li>
        <li><b>${facts.published.length}</b>files</li>
      </ul>
      <dl class="facts">
        <dt>Began</dt>
        <dd>${localTime(document.started)}</dd>
        <dt>Command</dt>
        <dd><code>${commandText(document.argv)}</code></dd>
        ${
          document.cwd !== undefined &&
          html`<dt>Given in</dt>
            <dd>${document.cwd}</dd>`
        }
        <dt>Results in</dt>
        <dd>${facts.outputDir}</dd>
        <dt>Machine</dt>
        <dd>${document.host}, up to ${count(facts.workers, 'worker')}</dd>
        <dt>Exit code</dt>
        <dd>${document.exit_code ?? 'none'}</dd>
      </dl>`,
  };
}

/** Local time with its distance from UTC, from an ISO time. */
function localTime(iso: string): string {
  const date = new Date(iso);
  const minutes = -date.getTimezoneOffset();
  const two = (value: number): string => String(Math.floor(Math.abs(value))).padStart(2, '0');
  const zone = `${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

function countStates(instances: Iterable<InstanceFacts>): Map<string, number> {
  const by = new Map<string, number>();
  for (const { state } of instances) by.set(state, (by.get(state) ?? 0) + 1);
  return by;
}

/** Each template node: what became of its instances, why they ran, and what they took. */
export function workSection(facts: RunFacts): PageSection {
  const nodes = new Map<string, InstanceFacts[]>();
  for (const instance of facts.instances.values()) {
    const known = nodes.get(instance.node);
    if (known === undefined) nodes.set(instance.node, [instance]);
    else known.push(instance);
  }
  const order = facts.graph?.nodes.map(({ id }) => id) ?? [...nodes.keys()];
  const names = [
    ...order.filter((id) => nodes.has(id)),
    ...[...nodes.keys()].filter((id) => !order.includes(id)),
  ];
  const notes = new Map<string, GraphNote>();
  const rows = names.map((name) => {
    const instances = nodes.get(name)!;
    const by = countStates(instances);
    const ran = instances.filter(({ state }) => state === 'executed');
    const times = ran.flatMap(({ ms }) => ms ?? []);
    const peaks = ran.flatMap(({ peakMb }) => peakMb ?? []);
    const states = [...by].map(([state, number]) => `${number} ${stateWords(state)}`).join(', ');
    const failed = (by.get('failed') ?? 0) > 0;
    notes.set(name, { text: states, tone: failed ? 'failed' : by.has('skipped') ? 'skipped' : 'plain' });
    return [
      name,
      ran.length,
      (by.get('reused') ?? 0) + (by.get('adopted') ?? 0),
      by.get('skipped') ?? 0,
      by.get('failed') ?? 0,
      by.get('not-started') ?? 0,
      reasonsText(instances),
      times.length === 0 ? null : times.reduce((sum, ms) => sum + ms, 0) / 1000,
      times.length === 0 ? null : median(times) / 1000,
      times.length === 0 ? null : Math.max(...times) / 1000,
      peaks.length === 0 ? null : Math.max(...peaks),
    ];
  });
  const columns = [
    { name: 'node' },
    { name: 'ran' },
    { name: 'reused' },
    { name: 'skipped' },
    { name: 'failed' },
    { name: 'not started' },
    { name: 'why' },
    { name: 'time in all', unit: 's' },
    { name: 'median', unit: 's' },
    { name: 'longest', unit: 's' },
    { name: 'most memory', unit: 'MB' },
  ];
  return {
    id: 'work',
    title: 'What ran, what was reused, and why',
    content: html`${
      facts.graph !== null &&
      html`<figure class="scroll" tabindex="0" role="region" aria-label="Graph of the nodes">
          ${graphPicture(facts.graph, notes)}
        </figure>
        <p class="small">Double boxes run once per item; thick arrows gather all items.</p>`
    }${table({ title: 'Nodes', ...withoutZeros({ columns, rows }, ['reused', 'skipped', 'failed', 'not started']) })}${instanceList(facts)}`,
  };
}

function stateWords(state: string): string {
  return state === 'executed' ? 'ran' : state.replace('-', ' ');
}

/** Reasons of all instances, those that differ in names and digests only together. */
function reasonsText(instances: readonly InstanceFacts[]): string {
  const by = new Map<string, number>();
  for (const { reason } of instances) {
    if (reason === null) continue;
    const words = reasonWords(reason);
    by.set(words, (by.get(words) ?? 0) + 1);
  }
  const reused = instances.filter(({ state }) => state === 'reused').length;
  if (reused > 0) by.set('nothing it depends on changed', reused);
  return [...by].map(([words, number]) => (by.size === 1 ? words : `${words} (${number})`)).join('; ');
}

function reasonWords(reason: RunReason): string {
  return reasonText(reason)
    .replace(/: .* -> .*$/s, '')
    .replaceAll(/\[[^\]]*\]/g, '');
}

/** What was not simply reused, one row each. */
function instanceList({ instances }: RunFacts): Html {
  const notable = [...instances.values()].filter(({ state }) => state !== 'reused' && state !== 'adopted');
  if (notable.length === 0) return html``;
  const rows = notable.map(({ id, state, reason, because, ms, peakMb, attempts }) => [
    id,
    stateWords(state),
    because ?? (reason === null ? '' : reasonText(reason)),
    ms === null ? null : ms / 1000,
    peakMb,
    attempts,
  ]);
  const columns = [
    { name: 'node' },
    { name: 'state' },
    { name: 'why' },
    { name: 'time', unit: 's' },
    { name: 'most memory', unit: 'MB' },
    { name: 'attempts' },
  ];
  return html`<details>
    <summary>Each of ${count(notable.length, 'node')} that was not simply reused</summary>
    ${table({ title: 'Single nodes', columns, rows })}
  </details>`;
}

export function failureSection(facts: RunFacts): PageSection | null {
  const { failures, retried, warnings, instances } = facts;
  const notStarted = [...instances.values()].filter(({ state }) => state === 'not-started');
  const skipped = [...instances.values()].filter(({ state }) => state === 'skipped');
  if (failures.length + retried.length + warnings.length + notStarted.length + skipped.length === 0)
    return null;
  const because = (found: readonly InstanceFacts[], title: string): Html | null =>
    found.length === 0
      ? null
      : table({
          title,
          columns: [{ name: 'node' }, { name: 'because' }],
          rows: found.map((one) => [one.id, one.because ?? '']),
        });
  const left = failures.length - MOST_FAILURES;
  const hasCure = warnings.some(({ cure }) => cure != null);
  return {
    id: 'failures',
    title: failures.length > 0 ? `Failures (${failures.length})` : 'Warnings',
    content: html`${failures.slice(0, MOST_FAILURES).map((event) => failureBlock(event))}${left > 0 && html`<p>${left} more failures are in events.jsonl.</p>`}${because(skipped, 'Skipped: left out of what follows')}${because(notStarted, 'Not started')}${
      retried.length > 0 &&
      table({
        title: 'Tried again',
        columns: [{ name: 'node' }, { name: 'attempt' }, { name: 'what failed' }, { name: 'message' }],
        rows: retried.map(({ id, attempt, failureClass, message }) => [id, attempt, failureClass, message]),
      })
    }${
      warnings.length > 0 &&
      table({
        title: 'Warnings',
        columns: [{ name: 'from' }, { name: 'message' }, ...(hasCure ? [{ name: 'mend' }] : [])],
        rows: warnings.map(({ code, message, cure }) => [code, message, ...(hasCure ? [cure ?? ''] : [])]),
      })
    }`,
  };
}

export function failureBlock(event: FailedEvent, logRoot = '../..'): Html {
  const { id, code, failureClass, message, where, cure, logTail, logPath, rerun, attempts, ms, allowed } =
    event;
  return html`<article class="failure">
    <h3>${id}: ${failureClass}</h3>
    <p class="notice bad">${code}: ${message}</p>
    <dl class="facts">
      ${
        where !== null &&
        html`<dt>Where</dt>
          <dd>${where}</dd>`
      }${
        cure !== null &&
        html`<dt>Mend</dt>
          <dd>${cure}</dd>`
      }
      <dt>After</dt>
      <dd>${durationText(ms)}, ${count(attempts, 'attempt')}${allowed && '; the run went on without it'}</dd>
      ${
        rerun !== null &&
        html`<dt>Alone</dt>
          <dd><code>${rerun}</code></dd>`
      }${
        logPath !== null &&
        html`<dt>Log</dt>
          <dd><a href="${logRoot}/${encodeURI(logPath)}">${logPath}</a></dd>`
      }
    </dl>
    ${
      logTail !== '' &&
      html`<details>
        <summary>The last it printed</summary>
        <pre>${logTail}</pre>
      </details>`
    }
  </article>`;
}

export function timeSection(facts: RunFacts): PageSection {
  const { attempts, ms, workers, instances } = facts;
  const busy = attempts.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  const peak = Math.max(0, ...[...instances.values()].map(({ peakMb }) => peakMb ?? 0));
  const used = ms > 0 && workers > 0 ? Math.min(1, busy / (ms * workers)) : 0;
  return {
    id: 'time',
    title: 'Timeline and resources',
    content: html`${timeline(facts)}${
      attempts.length > 0 &&
      html`<dl class="facts">
        <dt>Busy</dt>
        <dd>${Math.round(used * 100)} % of ${count(workers, 'worker')}</dd>
        <dt>Work</dt>
        <dd>${durationText(busy)} in ${count(attempts.length, 'attempt')}</dd>
        <dt>Most memory</dt>
        <dd>${memoryText(peak)} in one process</dd>
      </dl>`
    }`,
  };
}

export function parameterSection({ parameters }: RunFacts): PageSection | null {
  if (parameters.length === 0) return null;
  const columns = [{ name: 'key' }, { name: 'value' }, { name: 'from' }];
  const rowsOf = (found: RunFacts['parameters']) =>
    found.map(({ key, value, origin }) => [key, html`<code>${JSON.stringify(value)}</code>`, origin]);
  const chosen = parameters.filter(({ isDefault }) => !isDefault);
  return {
    id: 'parameters',
    title: 'Parameters',
    content: html`${chosen.length === 0 ? html`<p>Every parameter has its default.</p>` : table({ title: 'Chosen for this run', columns, rows: rowsOf(chosen) })}
      <details>
        <summary>All ${parameters.length} parameters</summary>
        ${table({ title: 'All parameters', columns, rows: rowsOf(parameters) })}
      </details>`,
  };
}

export function methodsSection(section: ReportSection | null, facts: RunFacts): PageSection {
  const { document, environment } = facts;
  const own = `The analysis was run as the workflow ${document.workflow} of neuroloom ${document.version}${environment === null ? '' : ` on Node.js ${environment.node} (${environment.platform})`}; parameters, provenance and versions are in the report of run ${document.run_id}.`;
  const paragraphs = [...(section?.methods ?? []), own];
  const citations = section?.citations ?? [];
  return {
    id: 'methods',
    title: 'Methods, to paste',
    content: html`<div id="methods-text">
        ${paragraphs.map((text) => html`<p>${text}</p>`)}${
          citations.length > 0 &&
          html`<h3>References</h3>
            <ol>
              ${citations.map(({ text, doi }) => html`<li>${text}${doi !== undefined && ` doi:${doi}`}</li>`)}
            </ol>`
        }
      </div>
      <p class="needs-script"><button type="button" class="copy" data-of="methods-text">Copy</button></p>`,
  };
}

export function provenanceSection(facts: RunFacts): PageSection {
  const { published, pruned, outputDir, files } = facts;
  const rows = published.map(({ path, id, fresh }) => [
    html`<a href="../../${encodeURI(path)}">${path}</a>`,
    id,
    fresh ? 'written' : 'as before',
    published.length <= 2000 ? sizeOf(join(outputDir, path)) : null,
  ]);
  return {
    id: 'provenance',
    title: 'Files and provenance',
    content: html`${published.length > 0 && table({ title: 'Published files', columns: [{ name: 'file' }, { name: 'made by' }, { name: 'in this run' }, { name: 'bytes' }], rows })}${pruned.length > 0 && html`<p>Taken away, because they are no longer part of the result: ${pruned.join(', ')}.</p>`}
      <p>
        Where a file comes from, back to the data: <code>pipeline prov --of FILE -o ${outputDir}</code>.
        Beside this page:
        ${files.map(({ name, bytes }, i) => html`${i > 0 && ', '}<a href="${name}">${name}</a> (${bytesText(bytes)})`)}.
      </p>`,
  };
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

export function versionSection({ document, environment }: RunFacts): PageSection {
  return {
    id: 'versions',
    title: 'Software and machine',
    content: html`<dl class="facts">
      <dt>neuroloom</dt>
      <dd>${document.version}</dd>
      ${
        environment !== null &&
        html`<dt>Node.js</dt>
          <dd>${environment.node}</dd>
          <dt>System</dt>
          <dd>${environment.platform}</dd>
          <dt>Processor</dt>
          <dd>${environment.cpu}, ${count(environment.threads, 'thread')}</dd>
          <dt>Memory</dt>
          <dd>${environment.memory_gb.toFixed(1)} GB</dd>
          ${Object.entries(environment.packages).map(
            ([name, version]) =>
              html`<dt>${name}</dt>
                <dd>${version}</dd>`,
          )}`
      }
    </dl>`,
  };
}
