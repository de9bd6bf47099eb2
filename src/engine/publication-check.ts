import path from 'node:path';
import type { GraphProblem } from './graph-check.js';
import type { KeySpace } from './key-space.js';
import { describePort, type Port } from './port.js';
import type { TemplateGraph, TemplateNode, TemplatePublication } from './template.js';

/** File systems take 255 bytes; the ending of the temporary copy needs its share. */
const MAX_NAME_BYTES = 220;

/** Publications must name file outputs and places that are safe and different. */
export function checkPublications(
  template: TemplateGraph,
  nodes: ReadonlyMap<string, TemplateNode>,
  spaces: ReadonlyMap<string, KeySpace | null>,
  problems: GraphProblem[],
): void {
  const taken = new Map<string, string>();
  for (const publication of template.publications) {
    const where = `${publication.node}.${publication.port}`;
    const report = (message: string, cure: string): void => {
      problems.push({ code: 'GRAPH_PUBLISH', message, where, cure });
    };
    const source = nodes.get(publication.node);
    const output = source?.node.outputs[publication.port];
    if (source === undefined || output === undefined) {
      report(
        `nothing to publish: there is no output ${where}`,
        'publish an output of a node of this workflow',
      );
      continue;
    }
    if (!holdsFiles(output)) {
      report(`${where} is ${describePort(output)}, not a file`, 'publish file outputs only');
      continue;
    }
    for (const { name, from } of namesOf(publication, spaces.get(publication.node) ?? null, report)) {
      const wrong = whyNotPublishable(name);
      if (wrong !== null) {
        report(`output name ${JSON.stringify(name)} ${wrong}`, 'name a file inside the output directory');
        continue;
      }
      const other = taken.get(path.posix.normalize(name));
      if (other !== undefined)
        report(`${from} and ${other} have one output name: ${name}`, 'use different names');
      taken.set(path.posix.normalize(name), from);
    }
  }
}

function holdsFiles(output: Port): boolean {
  if (output.kind === 'optional' || output.kind === 'list') return holdsFiles(output.of);
  return output.kind === 'file';
}

function* namesOf(
  { node, port, name }: TemplatePublication,
  space: KeySpace | null,
  report: (message: string, cure: string) => void,
): Generator<{ name: string; from: string }> {
  if (space === null) {
    if (typeof name === 'string') yield { name, from: `${node}.${port}` };
    else report(`${node} runs once, and its output name is a function of a key`, 'pass the name as text');
  } else if (typeof name === 'function') {
    for (const key of space.keys ?? []) yield { name: name(key), from: `${node}[${key}].${port}` };
  } else {
    report(
      `${node} is mapped, and its output name '${name}' is the same for all items`,
      'pass (key) => name',
    );
  }
}

/** What is wrong with the name of a published file, or null. */
export function whyNotPublishable(name: string): string | null {
  if (typeof name !== 'string' || name === '') return 'is empty';
  if (/[\p{Cc}\p{Surrogate}]/u.test(name)) return 'holds a control character';
  if (name.endsWith('/')) return 'is a directory';
  if (name.split('/').some((part) => part === '..' || part === '.')) return 'leaves the output directory';
  if (name.split('/').some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES))
    return `has a part of more than ${MAX_NAME_BYTES} bytes`;
  return null;
}
