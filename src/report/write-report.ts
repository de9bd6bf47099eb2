/** `logs/<run-id>/report.html` and a page per participant beside it. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { earlierPages, writePages } from './participant-pages.js';
import { reasonText } from '../engine/reason-text.js';
import type { ReportParticipant, ReportSection } from '../engine/report-section.js';
import { ResultFiles } from '../engine/result-files.js';
import { writeAtomic } from '../io/index.js';
import { PICTURE_BYTES, renderBlocks, type BlockContext } from './blocks.js';
import { defaultSection } from './default-section.js';
import { count } from './format.js';
import { html } from './html.js';
import { renderPage, type PageSection } from './page.js';
import { readRunFacts, type InstanceFacts, type RunFacts } from './run-facts.js';
import {
  failureBlock,
  failureSection,
  methodsSection,
  parameterSection,
  provenanceSection,
  statusMark,
  summarySection,
  timeSection,
  versionSection,
  workSection,
} from './run-sections.js';
import { table, withoutZeros } from './table.js';
import { librarySlot, viewerLibrary } from './viewer.js';

export const REPORT_FILE = 'report.html';
const PARTICIPANT_FOLDER = 'participants';
/** Items without a description of their workflow get pages up to this number. */
const MOST_PLAIN_PAGES = 300;
const PARTICIPANT_PICTURE_BYTES = 2_000_000;

/** What the workflow says of its results; null when it says nothing. */
export type Describe = (results: ResultFiles) => Promise<ReportSection | null>;

export interface WrittenReport {
  /** Absolute path of the page of the run. */
  readonly path: string;
  readonly participants: number;
  /** What could not be shown, one sentence each. */
  readonly problems: readonly string[];
}

/** Draws some of the pages of participants in another process: paths below the log of the run, by label. */
export type DrawElsewhere = (pages: ReadonlyMap<string, string>) => Promise<readonly string[]>;

/** Fewer pages are drawn sooner than processes start. */
const PAGES_WORTH_A_PROCESS = 8;

/**
 * Writes the report of a run that has ended. Can be called again at any time: it reads what the run left. A participant
 * of whom nothing ran keeps the page of the earlier run, unless `redraw` asks for all. Many pages are shared among
 * this process and `helpers` others, which `drawElsewhere` asks to call `writeParticipantPages`; it answers with what
 * could not be shown.
 *
 * @throws ConfigError USAGE without such a run; StorageError when the disk refuses
 */
export async function writeReport(
  outputDir: string,
  runId: string,
  describe: Describe,
  options: {
    readonly redraw?: boolean;
    readonly helpers?: number;
    readonly drawElsewhere?: DrawElsewhere;
  } = {},
): Promise<WrittenReport> {
  const problems: string[] = [];
  const tell = teller(problems);
  const content = await readContent(outputDir, runId, describe, tell);
  const { facts, section, participants, byItem } = content;
  const earlier = options.redraw === true ? new Map<string, string>() : earlierPages(facts);
  const pages = new Map<string, string>();
  const drawn = new Map<string, string>();
  for (const [i, { label }] of participants.entries()) {
    const instances = byItem.get(label) ?? [];
    const known = instances.every(({ state }) => state === 'reused') ? earlier.get(label) : undefined;
    const page = known ?? `${PARTICIPANT_FOLDER}/${pageName(label, i)}`;
    pages.set(label, page);
    if (known === undefined) drawn.set(label, page);
  }
  const { helpers = 0, drawElsewhere } = options;
  const others =
    drawElsewhere === undefined ? 0 : Math.min(helpers, Math.floor(drawn.size / PAGES_WORTH_A_PROCESS) - 1);
  const [own, ...shares] = sharesOf(drawn, 1 + Math.max(0, others));
  // Whatever goes wrong, no helper may go on alone.
  const ends = await Promise.allSettled([
    drawPages(content, own!, tell).then(() => []),
    ...shares.map((share) => drawElsewhere!(share)),
  ]);
  for (const end of ends) {
    if (end.status === 'rejected') throw end.reason;
    problems.push(...end.value);
  }
  // A helper that died has told so, and nothing may lead to what it did not draw.
  for (const [label, page] of drawn) if (!existsSync(join(facts.directory, page))) pages.delete(label);
  await writePages(facts, pages);
  const path = join(facts.directory, REPORT_FILE);
  await writeAtomic(path, await runPage(facts, section, pages, byItem, tell));
  return { path, participants: pages.size, problems };
}

/**
 * Draws pages of participants of a run: a share of what `writeReport` has to draw.
 *
 * @param pages - paths below the log of the run, by label
 * @returns what could not be shown, one sentence each
 * @throws ConfigError USAGE without such a run; StorageError when the disk refuses
 */
export async function writeParticipantPages(
  outputDir: string,
  runId: string,
  describe: Describe,
  pages: ReadonlyMap<string, string>,
): Promise<string[]> {
  const problems: string[] = [];
  // What the section says of itself is told by the process that asks.
  const content = await readContent(outputDir, runId, describe, () => undefined);
  await drawPages(content, pages, teller(problems));
  return problems;
}

function teller(problems: string[]): BlockContext['problem'] {
  return (title, error) => {
    problems.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
  };
}

interface ReportContent {
  readonly facts: RunFacts;
  readonly section: ReportSection | null;
  readonly participants: readonly ReportParticipant[];
  readonly byItem: ReadonlyMap<string, readonly InstanceFacts[]>;
}

async function readContent(
  outputDir: string,
  runId: string,
  describe: Describe,
  tell: BlockContext['problem'],
): Promise<ReportContent> {
  const facts = await readRunFacts(outputDir, runId);
  const section = await describedResults(facts, describe, tell);
  const participants = section?.participants ?? plainParticipants(facts);
  return {
    facts,
    section,
    participants,
    byItem: itemsOf(facts, new Set(participants.map((one) => one.label))),
  };
}

/** Every n-th page to each: neighbours in the cohort are of one size. */
function sharesOf(pages: ReadonlyMap<string, string>, number: number): Map<string, string>[] {
  const shares = Array.from({ length: number }, () => new Map<string, string>());
  for (const [i, [label, page]] of [...pages].entries()) shares[i % number]!.set(label, page);
  return shares;
}

async function drawPages(
  { facts, section, participants, byItem }: ReportContent,
  pages: ReadonlyMap<string, string>,
  tell: BlockContext['problem'],
): Promise<void> {
  if (pages.size === 0) return;
  await mkdir(join(facts.directory, PARTICIPANT_FOLDER), { recursive: true });
  for (const participant of participants) {
    const { label } = participant;
    const page = pages.get(label);
    if (page === undefined) continue;
    const text = await participantPage(facts, participant, byItem.get(label) ?? [], section, tell);
    await writeAtomic(join(facts.directory, page), text);
  }
}

async function describedResults(
  facts: RunFacts,
  describe: Describe,
  tell: BlockContext['problem'],
): Promise<ReportSection | null> {
  if (facts.published.length === 0) return null;
  const { outputDir, published, config, document } = facts;
  const results = new ResultFiles(outputDir, published, config, document.input_dir ?? null);
  try {
    return (await describe(results)) ?? (await defaultSection(facts.document.workflow, results));
  } catch (error) {
    tell(`section of ${facts.document.workflow}`, error);
    return null;
  }
}

/** Items of the run, when they are few enough to have a page each. */
function plainParticipants({ instances }: RunFacts): ReportParticipant[] {
  const labels = new Set<string>();
  for (const { item } of instances.values()) if (item !== null) labels.add(item);
  if (labels.size > MOST_PLAIN_PAGES) return [];
  return [...labels].sort().map((label) => ({ label, blocks: () => [] }));
}

/** A file name of plain characters, different for every participant. */
function pageName(label: string, place: number): string {
  const plain = label.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 80);
  return plain === label ? `${plain}.html` : `${plain}-${place}.html`;
}

/** Instances by participant; `sub-01.2` is a part of `sub-01`. */
function itemsOf({ instances }: RunFacts, labels: ReadonlySet<string>): Map<string, InstanceFacts[]> {
  const found = new Map<string, InstanceFacts[]>();
  for (const instance of instances.values()) {
    const { item } = instance;
    if (item === null) continue;
    const label = labels.has(item) ? item : item.replace(/\.\d+$/, '');
    if (!labels.has(label)) continue;
    const known = found.get(label);
    if (known === undefined) found.set(label, [instance]);
    else known.push(instance);
  }
  return found;
}

function footer({ document }: RunFacts) {
  return html`Report of run ${document.run_id}, made by neuroloom ${document.version}. This page is complete:
  it loads nothing from elsewhere.`;
}

async function runPage(
  facts: RunFacts,
  section: ReportSection | null,
  pages: ReadonlyMap<string, string>,
  byItem: ReadonlyMap<string, readonly InstanceFacts[]>,
  tell: BlockContext['problem'],
): Promise<string> {
  const names = new Map((section?.participants ?? []).map(({ label, name }) => [label, name ?? label]));
  const labels = new Map([...names].map(([label, name]) => [name, label]));
  const context: BlockContext = {
    pageOf: (label) => pages.get(label) ?? pages.get(labels.get(label) ?? '') ?? null,
    room: { bytes: PICTURE_BYTES },
    problem: tell,
  };
  const results: PageSection | null =
    section === null
      ? null
      : { id: 'results', title: section.title, content: await renderBlocks(section.blocks, context) };
  const hasViewer = section?.blocks.some(({ kind }) => kind === 'viewer' || kind === 'surfaces') === true;
  const library = hasViewer ? await viewerLibrary() : null;
  const sections = [
    summarySection(facts),
    failureSection(facts),
    results,
    participantSection(facts, context.pageOf, byItem, names),
    workSection(facts),
    timeSection(facts),
    parameterSection(facts),
    methodsSection(section, facts),
    provenanceSection(facts),
    versionSection(facts),
  ];
  return renderPage({
    title: `${facts.document.workflow}: report of a run`,
    lead: html`<p>${statusMark(facts)} <span class="small">run ${facts.document.run_id}</span></p>`,
    sections: sections.filter((one) => one !== null),
    footer: html`${footer(facts)}${library !== null && ' The viewer is NiiVue, by its authors, under the BSD 2-Clause licence (github.com/niivue/niivue).'}`,
    ...(library !== null && { data: librarySlot(library) }),
  });
}

function participantSection(
  facts: RunFacts,
  pageOf: BlockContext['pageOf'],
  byItem: ReadonlyMap<string, readonly InstanceFacts[]>,
  names: ReadonlyMap<string, string>,
): PageSection | null {
  if (byItem.size === 0) return null;
  const rows = [...byItem].map(([label, instances]) => {
    const of = (state: string): number => instances.filter((one) => one.state === state).length;
    const page = pageOf(label);
    const name = names.get(label) ?? label;
    return [
      page === null ? name : html`<a href="${page}">${name}</a>`,
      of('executed'),
      of('reused') + of('adopted'),
      of('skipped'),
      of('failed'),
      instances.reduce((sum, { ms }) => sum + (ms ?? 0), 0) / 1000,
    ];
  });
  const columns = [
    { name: 'participant' },
    { name: 'ran' },
    { name: 'reused' },
    { name: 'skipped' },
    { name: 'failed' },
    { name: 'time', unit: 's' },
  ];
  return {
    id: 'participants',
    title: `Participants (${byItem.size})`,
    content: table({
      title: 'Participants',
      ...withoutZeros({ columns, rows }, ['reused', 'skipped', 'failed']),
    }),
  };
}

async function participantPage(
  facts: RunFacts,
  participant: ReportParticipant,
  instances: readonly InstanceFacts[],
  section: ReportSection | null,
  tell: BlockContext['problem'],
): Promise<string> {
  const { label, name = label } = participant;
  const context: BlockContext = {
    pageOf: () => null,
    room: { bytes: PARTICIPANT_PICTURE_BYTES },
    problem: (title, error) => tell(`${label}, ${title}`, error),
  };
  const ids = new Set(instances.map(({ id }) => id));
  const failures = facts.failures.filter(({ id }) => ids.has(id));
  const files = facts.published.filter(({ id }) => ids.has(id));
  const skipped = instances.filter(({ state }) => state === 'skipped');
  let blocks: readonly Awaited<ReturnType<typeof renderBlocks>>[number][] = [];
  try {
    blocks = await renderBlocks(await participant.blocks(), context);
  } catch (error) {
    context.problem('results', error);
  }
  const sections: (PageSection | null)[] = [
    failures.length === 0
      ? null
      : {
          id: 'failures',
          title: 'Failures',
          content: failures.map((event) => failureBlock(event, '../../..')),
        },
    skipped.length === 0
      ? null
      : {
          id: 'skipped',
          title: 'Left out',
          content: skipped.map(
            ({ node, because }) => html`<p class="notice warning">${node} was skipped: ${because}</p>`,
          ),
        },
    blocks.length === 0 ? null : { id: 'results', title: 'Results', content: blocks },
    {
      id: 'work',
      title: 'What ran',
      content: table({
        title: 'Nodes',
        columns: [{ name: 'node' }, { name: 'state' }, { name: 'why' }, { name: 'time', unit: 's' }],
        rows: instances.map(({ id, state, reason, because, ms }) => [
          id,
          state === 'executed' ? 'ran' : state.replace('-', ' '),
          because ?? (reason === null ? 'nothing it depends on changed' : reasonText(reason)),
          ms === null ? null : ms / 1000,
        ]),
      }),
    },
    files.length === 0
      ? null
      : {
          id: 'files',
          title: 'Files',
          content: html`<ul>
            ${files.map(({ path }) => html`<li><a href="../../../${encodeURI(path)}">${path}</a></li>`)}
          </ul>`,
        },
  ];
  return renderPage({
    title: `${facts.document.workflow}: ${name}`,
    lead: html`<p>
      <a href="../${REPORT_FILE}">Report of the whole run</a> ${statusMark(facts)}
      <span class="small"
        >${count(instances.length, 'node')}${section === null && '; this workflow does not describe its results'}</span
      >
    </p>`,
    sections: sections.filter((one) => one !== null),
    footer: footer(facts),
  });
}
