import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic } from '../../io/index.js';
import type { MeshDiagnosis } from '../../numerics/mesh/diagnosis.js';
import type { RepairedMesh } from '../../numerics/mesh/repair.js';
import { VERSION } from '../../version.js';
import { DrawnSurface } from './describe-drawing.js';
import { EigenReport } from './eigen-report.js';
import { readEigenvalues } from './mesh-files.js';
import { DescriptorReport, SurfaceLabel, type SurfaceRecord } from './surface-record.js';

/** Puts together how good everything of one surface is, and what the tables of the cohort take of it. */
export const recordSurface = defineNode({
  name: 'record_surface',
  version: 4,
  inputs: {
    label: port.value(SurfaceLabel),
    /** BIDS URI of the surface, for the sidecar. */
    source: port.value(z.string()),
    diagnosis: port.file('json'),
    /** How it was drawn; absent: it is what the file holds. */
    drawn: port.optional(port.file('json')),
    eigen: port.file('json'),
    eigenvalues: port.file('tsv'),
    descriptors: port.list(port.file('json')),
    /** Of dwks; absent: not computed, or the surface was not aligned. */
    signature: port.optional(port.file('json')),
    unit: port.value(z.string()),
  },
  outputs: { quality: port.file('json'), record: port.file('json') },
  async run({ label, source, diagnosis, drawn, eigen, eigenvalues, descriptors, signature, unit }, ctx) {
    const found = JSON.parse(await readFile(diagnosis.path, 'utf8')) as {
      readonly kind: 'mesh' | 'point_cloud';
      readonly diagnosis: MeshDiagnosis;
      readonly repairs: RepairedMesh['changes'];
    };
    const solved = EigenReport.parse(JSON.parse(await readFile(eigen.path, 'utf8')));
    const reports: DescriptorReport[] = [];
    for (const { path } of signature === null ? descriptors : [...descriptors, signature]) {
      reports.push(DescriptorReport.parse(JSON.parse(await readFile(path, 'utf8'))));
    }
    const mesh = found.diagnosis;
    const isCloud = found.kind === 'point_cloud';
    const how = drawn === null ? null : DrawnSurface.parse(JSON.parse(await readFile(drawn.path, 'utf8')));
    const kind = how?.kind ?? found.kind;
    const record: SurfaceRecord = {
      label,
      source,
      kind,
      vertices: mesh.vertices,
      faces: mesh.faces,
      // Triangles say it of a mesh, the operator of a point cloud.
      area: isCloud ? solved.area : mesh.area,
      volume: mesh.volume,
      components: isCloud ? solved.components : mesh.components,
      boundary_edges: mesh.boundary_edges,
      genus: mesh.genus,
      findings: mesh.findings.map(({ code }) => code),
      repaired: found.repairs.map(({ repair }) => repair),
      k: solved.k,
      eigenvalues: [...(await readEigenvalues(eigenvalues))],
      zero_modes: solved.zero_modes,
      largest_residual: solved.largest_residual,
      res_lambda: solved.res_lambda,
      res_back: solved.res_back,
      orthonormality: solved.orthonormality,
      certificate_count: solved.certificate.count,
      certificate_shift: solved.certificate.shift,
      descriptors: reports.map(({ descriptor, status, reason, features }) => ({
        descriptor,
        status,
        reason,
        features,
      })),
    };
    const quality = {
      Sources: [source],
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      unit,
      kind,
      drawn: how,
      surface: found,
      eigenpairs: solved,
      descriptors: reports.map(({ descriptor, status, reason }) => ({ descriptor, status, reason })),
    };
    const out = { quality: ctx.outputFile('quality.json'), record: ctx.outputFile('record.json') };
    await writeAtomic(out.quality, `${JSON.stringify(quality, null, 2)}\n`);
    await writeAtomic(out.record, `${JSON.stringify(record, null, 2)}\n`);
    return out;
  },
});
