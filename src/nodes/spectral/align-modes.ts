import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpyHeader, writeAtomic, writeNpy } from '../../io/index.js';
import { alignToPrincipalAxes } from '../../numerics/descriptors/align.js';
import { commonModes, zeroModes } from '../../numerics/descriptors/signatures.js';
import {
  alignSpectrum,
  type AlignedSpectrum,
  type AlignmentOptions,
  type AlignmentShape,
} from '../../numerics/spectral/align-spectrum.js';
import { shapeDifferences } from '../../numerics/spectral/functional-map.js';
import { MASS_KINDS } from '../../numerics/spectral/settings.js';
import { AlignmentSettings, type AlignmentReport } from './alignment-report.js';
import { leadingBlock } from './leading-block.js';
import { asInFile } from './mesh-files.js';
import { countedEigenvalues, readSolved, withCommonModes, type SolvedShape } from './mapped-shape.js';

/** From this agreement on a mode counts as that of the reference. */
const FOUND = 0.9;

/** Brings the eigenvectors of a surface into the order and signs of those of a reference, by a functional map. */
export const alignModes = defineNode({
  name: 'align_modes',
  version: 3,
  inputs: {
    surface: port.value(z.string()),
    reference: port.value(z.string()),
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    eigenvalues: port.file('tsv'),
    eigenvectors: port.file('npy'),
    /** An `EigenReport`. */
    eigen: port.file('json'),
    reference_vertices: port.file('npy'),
    reference_faces: port.file('npy'),
    reference_vertex_map: port.optional(port.file('npy')),
    reference_eigenvalues: port.file('tsv'),
    reference_eigenvectors: port.file('npy'),
    reference_eigen: port.file('json'),
    mass: port.value(z.enum(MASS_KINDS)),
    /** Modes of the difference operators. */
    basis: port.value(z.int()),
    settings: port.value(AlignmentSettings),
  },
  outputs: {
    /**
     * (n, k), a row per vertex of the file: mode j is that of the reference, as far as the surface has it. Without the last modes
     * where k cuts a group of equal eigenvalues of either.
     */
    eigenvectors: port.file('npy'),
    /** (k, k): coefficients of the reference to those of the surface, both at area 1. */
    map: port.file('npy'),
    /** (n): vertex of the reference's file for each vertex of the file; -1 for none. */
    correspondence: port.file('npy'),
    /** An `AlignmentReport`. */
    report: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ surface, reference, mass, basis, settings, ...files }, ctx) {
    for (const [name, faces] of [
      [surface, files.faces],
      [reference, files.reference_faces],
    ] as const) {
      const [triangles] = (await readNpyHeader(faces.path)).shape;
      if (triangles === 0)
        return ctx.skip(`not aligned to ${reference}: ${name} is a point cloud, without triangles`);
    }
    const wholeSubject = await readSolved(files, mass);
    const wholeTemplate = await readSolved(
      {
        vertices: files.reference_vertices,
        faces: files.reference_faces,
        vertex_map: files.reference_vertex_map,
        eigenvalues: files.reference_eigenvalues,
        eigenvectors: files.reference_eigenvectors,
        eigen: files.reference_eigen,
      },
      mass,
    );
    const [subject, template] = withCommonModes(wholeSubject, wholeTemplate);
    try {
      const { aligned, start } = align(subject, template, settings);
      const k = template.shape.eigenvalues.length;
      const zeros = Math.max(zeroModes(template.shape.eigenvalues), zeroModes(subject.shape.eigenvalues));
      const size = commonModes(countedEigenvalues(subject), countedEigenvalues(template), basis);
      const differences = shapeDifferences(
        leadingBlock(aligned.map, size),
        Array.from(template.shape.eigenvalues).slice(0, size),
        Array.from(subject.shape.eigenvalues).slice(0, size),
        zeros,
      );
      const above = aligned.agreement.subarray(zeros);
      const report: AlignmentReport = {
        surface,
        reference,
        start,
        refined: settings.refine && start !== 'vertices',
        modes: k,
        modes_found: aligned.agreement.filter((value) => value >= FOUND).length,
        mean_agreement: above.reduce((sum, value) => sum + value, 0) / Math.max(1, above.length),
        agreement: [...aligned.agreement],
        singular_values: [...aligned.singularValues],
        coverage: coverage(aligned.points, template.areas),
        area_difference: [...differences.areaEigenvalues],
        conformal_difference: [...differences.conformalEigenvalues],
      };
      const out = {
        eigenvectors: ctx.outputFile('aligned.npy'),
        map: ctx.outputFile('map.npy'),
        correspondence: ctx.outputFile('correspondence.npy'),
        report: ctx.outputFile('alignment.json'),
      };
      const root = Math.sqrt(subject.area);
      const data = asInFile(
        aligned.eigenvectors.map((value) => value / root),
        k,
        subject.vertexMap,
      );
      await writeNpy(out.eigenvectors, { shape: [data.length / k, k], data });
      await writeNpy(out.map, { shape: [k, k], data: aligned.map.values });
      const points = pointsInFiles(aligned.points, subject.vertexMap, template.vertexMap);
      await writeNpy(out.correspondence, { shape: [points.length], data: points });
      await writeAtomic(out.report, `${JSON.stringify(report, null, 2)}\n`);
      return out;
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      return ctx.skip(`not aligned to ${reference}: ${error.message}`);
    }
  },
});

function align(
  subject: SolvedShape,
  template: SolvedShape,
  { start, start_size: startSize, refine }: AlignmentSettings,
): { readonly aligned: AlignedSpectrum; readonly start: string } {
  const hasSameTriangles =
    subject.faces.length === template.faces.length &&
    subject.faces.every((vertex, i) => vertex === template.faces[i]);
  const kind = start === 'auto' && hasSameTriangles ? 'vertices' : start;
  const by = (options: AlignmentOptions, turned = false): AlignedSpectrum =>
    alignSpectrum(turned ? atAxes(subject) : subject.shape, turned ? atAxes(template) : template.shape, {
      startSize,
      refine,
      ...options,
    });
  switch (kind) {
    case 'principal_axes':
      return { aligned: by({ start: 'coordinates' }, true), start: kind };
    case 'auto': {
      const [raw, turned] = [by({ start: 'coordinates' }), by({ start: 'coordinates' }, true)];
      return score(turned) > score(raw)
        ? { aligned: turned, start: 'principal_axes' }
        : { aligned: raw, start: 'coordinates' };
    }
    default:
      return { aligned: by({ start: kind }), start: kind };
  }
}

/** Squares of the singular values, as far as they do not pass 1: a map that loses or doubles functions has less. */
function score({ singularValues }: AlignedSpectrum): number {
  return singularValues.reduce((sum, value) => sum + Math.min(value, 1 / value) ** 2, 0);
}

/** Turned to its principal axes, in its own size. */
function atAxes({ shape, areas, area }: SolvedShape): AlignmentShape {
  const root = Math.sqrt(area);
  return { ...shape, vertices: alignToPrincipalAxes(shape.vertices, areas).map((value) => value / root) };
}

function coverage(points: Int32Array, areas: Float64Array): number {
  const isMet = new Uint8Array(areas.length);
  for (const point of points) if (point >= 0) isMet[point] = 1;
  let [met, total] = [0, 0];
  areas.forEach((area, vertex) => {
    total += area;
    if (isMet[vertex] === 1) met += area;
  });
  return met / total;
}

/** Vertices of the mended meshes as vertices of the files. */
function pointsInFiles(
  points: Int32Array,
  subject: Int32Array | null,
  template: Int32Array | null,
): Int32Array {
  const place = new Map<number, number>();
  template?.forEach((vertex, inFile) => {
    if (vertex >= 0 && !place.has(vertex)) place.set(vertex, inFile);
  });
  const named = template === null ? points : points.map((point) => place.get(point) ?? -1);
  return subject === null ? named : subject.map((vertex) => (vertex < 0 ? -1 : named[vertex]!));
}
