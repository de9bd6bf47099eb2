/** Links below the input directory that lead out of it: they are read only when somebody says so (`--follow-links`). */
import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { CompiledGraph } from './graph.js';
import { externalPaths } from './inputs.js';
import { participantId } from './participants.js';
import type { Problem } from './requirements.js';

/** Links that a message names. */
const NAMED = 5;

/** Participants of a cohort that are links to somewhere else. Nothing is wrong with a root that cannot be listed. */
export function participantLinkProblems(root: string): Problem[] {
  let names: string[];
  try {
    names = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink() && participantId(entry.name).ok)
      .map(({ name }) => name);
  } catch {
    // Told by the check of the input directory itself.
    return [];
  }
  if (names.length === 0) return [];
  const inside = realOf(root);
  return problemsOf(
    root,
    names.map((name) => path.join(root, name)).filter((link) => leaves(realOf(link), inside)),
  );
}

/** Files that nodes will read below the root and that are, or stand below, links to somewhere else. */
export function fileLinkProblems(root: string, graph: CompiledGraph): Problem[] {
  const inside = realOf(root);
  const folders = new Map<string, boolean>();
  const leaving = new Set<string>();
  for (const instance of graph.instances) {
    for (const written of externalPaths(instance)) {
      const file = path.resolve(written);
      if (!file.startsWith(root + path.sep)) continue;
      const folder = path.dirname(file);
      let isOutside = folders.get(folder);
      if (isOutside === undefined) {
        isOutside = leaves(realOf(folder), inside);
        folders.set(folder, isOutside);
      }
      if (isOutside) leaving.add(folder);
      else if (isLink(file) && leaves(realOf(file), inside)) leaving.add(file);
    }
  }
  return problemsOf(root, [...leaving]);
}

/** Null for what leads nowhere, which is a matter of whoever reads it. */
function realOf(target: string): string | null {
  try {
    return realpathSync.native(target);
  } catch {
    return null;
  }
}

function leaves(real: string | null, inside: string | null): boolean {
  return real !== null && inside !== null && real !== inside && !real.startsWith(inside + path.sep);
}

function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function problemsOf(root: string, links: readonly string[]): Problem[] {
  if (links.length === 0) return [];
  const shown = links.slice(0, NAMED).map((link) => {
    const name = path.relative(root, link);
    return isLink(link) ? `${name} -> ${readlinkSync(link)}` : name;
  });
  const more = links.length > NAMED ? `, ... (${links.length})` : '';
  const what = links.length === 1 ? 'a link leads' : 'links lead';
  return [
    {
      severity: 'error',
      code: 'REQUIREMENT',
      message: `${what} out of the input directory: ${shown.join(', ')}${more}`,
      cure: 'give --follow-links to read what is there, or copy it into the input directory',
      path: root,
    },
  ];
}
