import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port, type InputFile } from '../../engine/port.js';
import { readNpy, writeAtomic, writeGifti, writeNpy, writeTsv } from '../../io/index.js';
import { describeSurface, type DescriptorResult } from '../../numerics/descriptors/describe.js';
import { chosenColumns } from '../../numerics/descriptors/features.js';
import { DESCRIPTOR_IDS, DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { SpectrumRangePort } from './choose-scales.js';
import { EigenReport } from './eigen-report.js';
import { asInFile, asMended, readEigenvalues, readMesh, readVertexMap } from './mesh-files.js';
import { finiteOrNull, type DescriptorReport } from './surface-record.js';

/** One descriptor of one surface: values, overlay, and what they mean. */
export const computeDescriptor = defineNode({
  name: 'compute_descriptor',
  version: 5,
  inputs: {
    descriptor: port.value(z.enum(DESCRIPTOR_IDS)),
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    /** Absent for descriptors of the surface alone. */
    eigenvalues: port.optional(port.file('tsv')),
    eigenvectors: port.optional(port.file('npy')),
    /** Of them, an `EigenReport`. */
    eigen: port.optional(port.file('json')),
    /** Of a point cloud: area of each point. */
    areas: port.optional(port.file('npy')),
    range: port.optional(port.value(SpectrumRangePort)),
    settings: port.value(DescriptorSettings),
    unit: port.value(z.string()),
    precision: port.value(z.enum(['float32', 'float64'])),
    overlay: port.value(z.boolean()),
  },
  outputs: {
    /** A row per vertex of the file. */
    values: port.optional(port.file('npy')),
    /** Of descriptors of the whole shape. */
    table: port.optional(port.file('tsv')),
    overlay: port.optional(port.file('gifti')),
    /** A `DescriptorReport`. */
    report: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { descriptor, settings } = inputs;
    const { vertices, faces } = await readMesh(inputs);
    const map = await readVertexMap(inputs.vertex_map);
    const report = ctx.outputFile(`${descriptor}.json`);
    let result: DescriptorResult;
    try {
      const spectrum =
        inputs.eigenvalues === null || inputs.eigenvectors === null || inputs.eigen === null
          ? null
          : {
              ...(await readSpectrum(inputs.eigenvalues, inputs.eigenvectors.path, map, vertices.length / 3)),
              certificate: EigenReport.parse(JSON.parse(await readFile(inputs.eigen.path, 'utf8')))
                .certificate,
            };
      result = describeSurface(
        descriptor,
        { vertices, faces, spectrum, areas: await readAreas(inputs.areas) },
        { settings, range: inputs.range, seed: ctx.seed },
      );
    } catch (error) {
      // An open surface has no thickness: the other descriptors of this surface are not concerned.
      if (!(error instanceof ProcessingError)) throw error;
      ctx.log.warn(`${descriptor}: ${error.message}`);
      await writeAtomic(report, jsonText(notApplicable(descriptor, error.message)));
      return { report };
    }
    await writeAtomic(report, jsonText(reportOf(result, inputs.unit)));
    if (result.domain === 'shape') {
      const table = ctx.outputFile(`${descriptor}.tsv`);
      await writeTsv(table, result.columns, rowsOf(result));
      return { report, table };
    }
    const [, columns] = result.shape;
    const data = asInFile(result.values, columns, map);
    const values = ctx.outputFile(`${descriptor}.npy`);
    await writeNpy(values, {
      shape: [data.length / columns, columns],
      data: inputs.precision === 'float32' ? Float32Array.from(data) : data,
    });
    if (!inputs.overlay) return { report, values };
    const overlay = ctx.outputFile(`${descriptor}.func.gii`);
    await writeOverlay(overlay, result, data);
    return { report, values, overlay };
  },
});

async function readAreas(file: InputFile | null): Promise<Float64Array | null> {
  return file === null ? null : Float64Array.from((await readNpy(file.path)).data);
}

async function readSpectrum(
  eigenvalues: Parameters<typeof readEigenvalues>[0],
  eigenvectors: string,
  map: Int32Array | null,
  vertexCount: number,
): Promise<{ eigenvalues: Float64Array; eigenvectors: Float64Array }> {
  const values = await readEigenvalues(eigenvalues);
  const vectors = await readNpy(eigenvectors);
  return {
    eigenvalues: values,
    eigenvectors: asMended(vectors.data as Float64Array, values.length, map, vertexCount),
  };
}

function rowsOf({ values, shape: [rows, columns] }: DescriptorResult): number[][] {
  return Array.from({ length: rows }, (_, row) => [...values.subarray(row * columns, (row + 1) * columns)]);
}

/** Maps that viewers show; of a signature with many columns some that are evenly spaced. */
async function writeOverlay(path: string, result: DescriptorResult, data: Float64Array): Promise<void> {
  const { id, columns, units } = result;
  const n = data.length / columns.length;
  const arrays = chosenColumns(columns.length).map((column) => ({
    intent: 'NONE',
    shape: [n],
    data: Float32Array.from({ length: n }, (_, i) => data[i * columns.length + column]!),
    metadata: { Name: columns.length === 1 ? id : `${id} ${columns[column]}`, Unit: units[column]! },
  }));
  await writeGifti(path, { arrays });
}

/** The numerics count in mm; the coordinates may be in something else. */
function inUnit(text: string, unit: string): string {
  if (unit === '1') return '1';
  return text.replace(/^mm/, unit);
}

function reportOf(result: DescriptorResult, unit: string): DescriptorReport {
  return {
    descriptor: result.id,
    status: 'ok',
    reason: null,
    domain: result.domain,
    shape: [...result.shape],
    columns: [...result.columns],
    units: result.units.map((text) => inUnit(text, unit)),
    parameters: { ...result.parameters },
    invariance: { ...result.invariance },
    reference: DESCRIPTORS[result.id].reference,
    features: result.features.map((feature) => ({
      name: feature.name,
      value: finiteOrNull(feature.value),
      unit: inUnit(feature.unit, unit),
    })),
  };
}

function notApplicable(descriptor: DescriptorResult['id'], reason: string): DescriptorReport {
  const { domain, invariance, reference } = DESCRIPTORS[descriptor];
  return {
    descriptor,
    status: 'not_applicable',
    reason,
    domain,
    shape: [0, 0],
    columns: [],
    units: [],
    parameters: {},
    invariance: { ...invariance },
    reference,
    features: [],
  };
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
