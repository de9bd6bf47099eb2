/** Versions of the programs that nodes declare: the first line that each prints. */
import { execFile } from 'node:child_process';
import { RequirementError } from '../errors.js';
import type { NodeDefinition, ToolProbe } from './node.js';

const PROBE_TIMEOUT_MS = 30_000;

/** @throws RequirementError TOOL_MISSING that names every program that cannot be run */
export async function probeTools(nodes: Iterable<NodeDefinition>): Promise<ReadonlyMap<string, string>> {
  const probes = new Map<string, ToolProbe>();
  for (const node of nodes) for (const tool of node.tools) probes.set(tool.name, tool);
  const versions = new Map<string, string>();
  const missing: string[] = [];
  await Promise.all(
    [...probes.values()].map(async (probe) => {
      const found = await firstLine(probe);
      if (found.ok) versions.set(probe.name, found.line);
      else missing.push(`${probe.name} (${probe.command.join(' ')}): ${found.why}`);
    }),
  );
  if (missing.length > 0) {
    throw new RequirementError('TOOL_MISSING', `programs that nodes need: ${missing.sort().join('; ')}`, {
      cure: 'install them, and put them on the PATH',
    });
  }
  return versions;
}

function firstLine({
  command,
  exitCodes = [0],
}: ToolProbe): Promise<{ ok: true; line: string } | { ok: false; why: string }> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PROBE_TIMEOUT_MS, encoding: 'utf8' }, (error, stdout, stderr) => {
      const isExpected = error === null ? exitCodes.includes(0) : exitCodes.includes(Number(error.code));
      if (!isExpected) resolve({ ok: false, why: error?.message.trim() ?? 'it ended with code 0' });
      else resolve({ ok: true, line: (stdout.trim() || stderr.trim()).split('\n')[0] ?? '' });
    });
  });
}
