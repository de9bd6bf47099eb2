import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpy, writeAtomic, writeGifti, writeNpy } from '../../io/index.js';
import { derivativeWaveSignature } from '../../numerics/descriptors/derivative-wave-signature.js';
import { chosenColumns, vertexFeatures } from '../../numerics/descriptors/features.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { commonModes, zeroModes } from '../../numerics/descriptors/signatures.js';
import { matrix } from '../../numerics/linalg/matrix.js';
import { shapeDifferences } from '../../numerics/spectral/functional-map.js';
import { MASS_KINDS } from '../../numerics/spectral/settings.js';
import { DifferenceScales } from './collect-alignments.js';
import { EigenReport } from './eigen-report.js';
import { leadingBlock } from './leading-block.js';
import { countedEigenvalues, readSolved } from './mapped-shape.js';
import { asInFile, readEigenvalues } from './mesh-files.js';
import { finiteOrNull, type DescriptorReport } from './surface-record.js';

/**
 * Where on the reference a surface differs from it, in area and in angle: the wave signature of the two shape differences. The
 * values are at the vertices of the reference, the same for all surfaces of a study.
 */
export const signDifferences = defineNode({
  name: 'sign_differences',
  version: 2,
  inputs: {
    reference: port.value(z.string()),
    /** Of the reference. */
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    eigenvalues: port.file('tsv'),
    eigenvectors: port.file('npy'),
    /** An `EigenReport`. */
    eigen: port.file('json'),
    /** Of the surface. */
    subject_eigenvalues: port.file('tsv'),
    /** An `EigenReport`. */
    subject_eigen: port.file('json'),
    map: port.file('npy'),
    basis: port.value(z.int()),
    scales: port.value(DifferenceScales),
    mass: port.value(z.enum(MASS_KINDS)),
    precision: port.value(z.enum(['float32', 'float64'])),
    overlay: port.value(z.boolean()),
  },
  outputs: {
    /** (n of the reference, energies of area and then of angle). */
    values: port.file('npy'),
    overlay: port.optional(port.file('gifti')),
    /** A `DescriptorReport`. */
    report: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ reference, basis, scales, mass, precision, overlay, ...files }, ctx) {
    const template = await readSolved(files, mass);
    const subject = await readEigenvalues(files.subject_eigenvalues);
    const { area, certificate } = EigenReport.parse(
      JSON.parse(await readFile(files.subject_eigen.path, 'utf8')),
    );
    const { shape } = template;
    const stored = await readNpy(files.map.path);
    const k = stored.shape[0]!;
    // Part of a group of equal eigenvalues would make the values depend on the basis that the solver returned.
    const size = commonModes(
      countedEigenvalues(template),
      { eigenvalues: subject, certificate },
      Math.min(basis, k),
    );
    const zeros = Math.max(zeroModes(shape.eigenvalues), zeroModes(subject));
    const map = matrix(k, k, Float64Array.from(stored.data));
    const { area: areaDifference, conformal } = shapeDifferences(
      leadingBlock(map, size),
      Array.from(shape.eigenvalues).slice(0, size),
      Array.from(subject, (value) => value * area).slice(0, size),
      zeros,
    );
    const spectrum = { eigenvalues: shape.eigenvalues, eigenvectors: shape.eigenvectors };
    let parts: Float64Array[];
    try {
      parts = (
        [
          [areaDifference, scales.area, 0],
          [conformal, scales.conformal, zeros],
        ] as const
      ).map(([operator, { energies, sigma, floor }, skipped]) =>
        derivativeWaveSignature(
          spectrum,
          operator,
          { energies: Float64Array.from(energies), sigma },
          { skipped, floor },
        ),
      );
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      return ctx.skip(error.message);
    }
    const counts = [scales.area.energies.length, scales.conformal.energies.length] as const;
    const columns = ['area', 'conformal'].flatMap((kind, p) =>
      Array.from({ length: counts[p]! }, (_, e) => `${kind}_e${e + 1}`),
    );
    const n = template.areas.length;
    const width = columns.length;
    const values = new Float64Array(n * width);
    for (let x = 0; x < n; x++) {
      values.set(parts[0]!.subarray(x * counts[0], (x + 1) * counts[0]), x * width);
      values.set(parts[1]!.subarray(x * counts[1], (x + 1) * counts[1]), x * width + counts[0]);
    }
    const units = columns.map(() => '1');
    const data = asInFile(values, width, template.vertexMap);
    const info = DESCRIPTORS.dwks;
    const report: DescriptorReport = {
      descriptor: 'dwks',
      status: 'ok',
      reason: null,
      domain: info.domain,
      shape: [data.length / width, width],
      columns,
      units,
      parameters: {
        normalisation: 'area',
        reference,
        values_at: 'the vertices of the reference',
        basis: size,
        area_energies: scales.area.energies,
        area_sigma: scales.area.sigma,
        conformal_energies: scales.conformal.energies,
        conformal_sigma: scales.conformal.sigma,
      },
      invariance: { ...info.invariance, scale: true },
      reference: info.reference,
      features: ['area', 'conformal']
        .flatMap((_, p) => {
          const first = p * counts[0];
          const own = chosenColumns(counts[p]!).map((column) => first + column);
          const table = Float64Array.from(
            { length: n * own.length },
            (_, at) => values[Math.floor(at / own.length) * width + own[at % own.length]!]!,
          );
          return vertexFeatures(
            table,
            own.map((column) => columns[column]!),
            own.map(() => '1'),
            template.areas,
          );
        })
        .map(({ name, value, unit }) => ({ name, value: finiteOrNull(value), unit })),
    };
    const out = {
      values: ctx.outputFile('dwks.npy'),
      report: ctx.outputFile('dwks.json'),
      ...(overlay ? { overlay: ctx.outputFile('dwks.func.gii') } : {}),
    };
    await writeNpy(out.values, {
      shape: [data.length / width, width],
      data: precision === 'float32' ? Float32Array.from(data) : data,
    });
    await writeAtomic(out.report, `${JSON.stringify(report, null, 2)}\n`);
    if (out.overlay !== undefined) {
      const rows = data.length / width;
      await writeGifti(out.overlay, {
        arrays: chosenColumns(width).map((column) => ({
          intent: 'NONE',
          shape: [rows],
          data: Float32Array.from({ length: rows }, (_, i) => data[i * width + column]!),
          metadata: { Name: `dwks ${columns[column]}`, Unit: '1' },
        })),
      });
    }
    return out;
  },
});
