import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic, writeNpy, writeTsv } from '../../io/index.js';
import { laplaceBeltrami } from '../../numerics/spectral/laplace-beltrami.js';
import { cloudLaplaceBeltrami } from '../../numerics/spectral/point-cloud.js';
import { wholeModes, zeroModes } from '../../numerics/descriptors/signatures.js';
import { OperatorSettings, type EigenReport } from './eigen-report.js';
import { asInFile, readMesh, readVertexMap } from './mesh-files.js';

/**
 * Assembles the Laplace-Beltrami operator of a surface, or of points without triangles, and solves for its lowest eigenpairs,
 * with a proof of their count.
 */
export const solveEigenpairs = defineNode({
  name: 'solve_eigenpairs',
  version: 4,
  inputs: {
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    k: port.value(z.int()),
    settings: port.value(OperatorSettings),
    /** Of a point cloud: points of a neighbourhood. */
    neighbours: port.value(z.int()),
  },
  outputs: {
    /** index, eigenvalue, residual. */
    eigenvalues: port.file('tsv'),
    /** (n, k), a row per vertex of the file. */
    eigenvectors: port.file('npy'),
    /** An `EigenReport`. */
    report: port.file('json'),
    /** (n of the mended points), area that each stands for, unit squared; of a point cloud alone. */
    areas: port.optional(port.file('npy')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ k, settings, neighbours, ...files }, ctx) {
    const { vertices, faces } = await readMesh(files);
    const map = await readVertexMap(files.vertex_map);
    const { operator, mass, boundary, solver, degenerate_triangles: degenerateTriangles } = settings;
    const isCloud = faces.length === 0;
    if (isCloud && boundary !== 'neumann') {
      return ctx.skip(`boundary ${boundary} needs triangles: points do not say where the boundary is`);
    }
    try {
      const threads = ctx.cpus;
      const cloud = isCloud ? cloudLaplaceBeltrami(vertices, { k, neighbours, mass, solver, threads }) : null;
      const pairs =
        cloud ??
        laplaceBeltrami(vertices, faces, {
          k,
          operator,
          mass,
          boundary,
          degenerateTriangles,
          solver,
          threads,
        });
      const { count } = pairs.certificate;
      const whole = wholeModes(pairs);
      const isCut = whole < k ? [cutGroup(k, whole, count)] : [];
      const warnings = [...pairs.warnings, ...isCut];
      for (const warning of warnings) ctx.log.warn(warning);
      const out = {
        eigenvalues: ctx.outputFile('eigenvalues.tsv'),
        eigenvectors: ctx.outputFile('eigenvectors.npy'),
        report: ctx.outputFile('eigen.json'),
      };
      const rows = Array.from(pairs.eigenvalues, (value, i) => [i, value, pairs.residuals[i]!]);
      await writeTsv(out.eigenvalues, ['index', 'eigenvalue', 'residual'], rows);
      const data = asInFile(pairs.eigenvectors, k, map);
      await writeNpy(out.eigenvectors, { shape: [data.length / k, k], data });
      const report: EigenReport = {
        k,
        zero_modes: zeroModes(pairs.eigenvalues),
        components: pairs.components,
        area: pairs.area,
        operator: isCloud ? 'point_cloud' : operator,
        mass,
        boundary,
        // Points have no triangles.
        degenerate_triangles: isCloud ? 'drop' : degenerateTriangles,
        largest_residual: pairs.residuals.reduce((most, value) => Math.max(most, value), 0),
        res_lambda: pairs.quality.resLambda,
        res_back: pairs.quality.resBack,
        orthonormality: pairs.quality.orthonormality,
        certificate: { shift: pairs.certificate.shift, count },
        warnings,
      };
      await writeAtomic(out.report, `${JSON.stringify(report, null, 2)}\n`);
      if (cloud === null) return out;
      const areas = ctx.outputFile('areas.npy');
      await writeNpy(areas, { shape: [cloud.areas.length], data: cloud.areas });
      return { ...out, areas };
    } catch (error) {
      // A surface that is too small or has lost its digits costs itself only.
      if (!(error instanceof ProcessingError)) throw error;
      return ctx.skip(error.cure === undefined ? error.message : `${error.message}; ${error.cure}`);
    }
  },
});

function cutGroup(k: number, whole: number, count: number): string {
  const left = whole + 1 === k ? `mode ${k} is` : `modes ${whole + 1} to ${k} are`;
  return `k = ${k} cuts a group of equal eigenvalues: ${left} left out of descriptors and alignment; ask for k = ${count} or fewer than ${whole + 1}`;
}
