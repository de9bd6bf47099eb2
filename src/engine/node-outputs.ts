/** From what a node returned to what is stored: parsed values, and files checked and digested in the worker. */
import { dirname, isAbsolute, join } from 'node:path';
import { ProcessingError } from '../errors.js';
import { describeOutputFile, OUTPUT_FOLDER } from './artifact-store.js';
import type { OutputRecord } from './cache-store.js';
import { portJson } from './json.js';
import { makeDirectory } from './make-directory.js';
import type { NodeDefinition } from './node.js';
import { describePort, type NumberCount, type NumbersRule, type Port } from './port.js';

/**
 * The path of an output file; its folders are made.
 *
 * @throws ProcessingError INVALID_ARGUMENT when the name leaves the directory
 */
export function outputPath(outDir: string, name: string): string {
  const parts = name.split('/');
  const wrong = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  if (wrong || isAbsolute(name) || name.includes('\\')) {
    throw new ProcessingError('INVALID_ARGUMENT', `'${name}' is not a name for an output file`, {
      cure: "use a relative path with '/', without '..'",
    });
  }
  const path = join(outDir, ...parts);
  if (parts.length > 1) makeDirectory(dirname(path));
  return path;
}

/**
 * Checks what a node returned and makes the record of it.
 *
 * @param attemptDir - output files may lie in its `out/` only
 * @param warn - is told of numbers that are not finite
 * @throws ProcessingError OUTPUT_MISSING, OUTPUT_INVALID
 */
export async function collectOutputs(
  node: NodeDefinition,
  returned: unknown,
  attemptDir: string,
  warn: (message: string) => void,
): Promise<Record<string, OutputRecord>> {
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) {
    throw invalid(node.name, 'returned no object with its outputs', 'return { name: value } for each output');
  }
  const values = returned as Record<string, unknown>;
  const outputs: Record<string, OutputRecord> = {};
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(node.outputs, name)) {
      const known = Object.keys(node.outputs).join(', ');
      throw invalid(
        `${node.name}.${name}`,
        'is not a declared output',
        `declare it, or return only: ${known}`,
      );
    }
  }
  for (const [name, port] of Object.entries(node.outputs)) {
    const where = `${node.name}.${name}`;
    outputs[name] = await countNumbers(port, record(port, values[name], where, attemptDir), {
      ...{ where, attemptDir, warn },
    });
  }
  return outputs;
}

function record(port: Port, value: unknown, where: string, attemptDir: string): OutputRecord {
  if (port.kind === 'optional') {
    return value === null || value === undefined
      ? { kind: 'null' }
      : record(port.of, value, where, attemptDir);
  }
  if (value === undefined || value === null) {
    if (port.kind !== 'value' || value === undefined) {
      throw new ProcessingError(
        'OUTPUT_MISSING',
        `output ${where} (${describePort(port)}) was not returned`,
        {
          where,
          cure: 'return every declared output, or declare it with port.optional()',
        },
      );
    }
  }
  switch (port.kind) {
    case 'file':
      return fileRecord(value, where, attemptDir);
    case 'list':
      if (!Array.isArray(value)) throw invalid(where, 'is not a list', 'return an array');
      return {
        kind: 'list',
        items: value.map((item, at) => record(port.of, item, `${where}[${at}]`, attemptDir)),
      };
    case 'value': {
      const parsed = port.schema.safeParse(value);
      if (!parsed.success) {
        const first = parsed.error.issues[0];
        const path = first === undefined ? '' : first.path.map((part) => `.${String(part)}`).join('');
        throw invalid(
          `${where}${path}`,
          first?.message ?? 'does not fit its schema',
          'return what the port declares',
        );
      }
      portJson(parsed.data, where);
      return { kind: 'value', value: parsed.data };
    }
  }
}

function fileRecord(value: unknown, where: string, attemptDir: string): OutputRecord {
  if (typeof value !== 'string') {
    throw invalid(where, 'is not a path', 'return the path that ctx.outputFile() gave');
  }
  return describeOutputFile(attemptDir, value);
}

function invalid(where: string, message: string, cure: string): ProcessingError {
  return new ProcessingError('OUTPUT_INVALID', `output ${where} ${message}`, { where, cure });
}

interface Counting {
  readonly where: string;
  readonly attemptDir: string;
  readonly warn: (message: string) => void;
}

/** Adds the share of finite numbers to the files of a port that counts them, and judges it. */
async function countNumbers(port: Port, output: OutputRecord, counting: Counting): Promise<OutputRecord> {
  if (port.kind === 'optional') return countNumbers(port.of, output, counting);
  if (port.kind === 'list' && output.kind === 'list') {
    const items: OutputRecord[] = [];
    for (const [at, item] of output.items.entries()) {
      items.push(await countNumbers(port.of, item, { ...counting, where: `${counting.where}[${at}]` }));
    }
    return { kind: 'list', items };
  }
  if (port.kind !== 'file' || port.numbers === undefined || output.kind !== 'file') return output;
  const { finite, total } = await port.numbers.count(join(counting.attemptDir, OUTPUT_FOLDER, output.rel));
  if (finite < total) judgeNumbers(port.numbers, { finite, total }, counting);
  return { ...output, finite: total === 0 ? 1 : finite / total };
}

function judgeNumbers({ nan }: NumbersRule, { finite, total }: NumberCount, { where, warn }: Counting): void {
  if (nan === 'allow') return;
  const message = `${total - finite} of ${total} numbers of output ${where} are not finite`;
  if (nan === 'fail' || (nan === undefined && finite === 0)) {
    throw new ProcessingError('OUTPUT_INVALID', message, {
      where,
      cure: 'look at the inputs and the log of the node: what made them NaN or infinite is there',
    });
  }
  warn(message);
}
