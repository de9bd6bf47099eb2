import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic } from '../../io/index.js';
import { commonRange, scalesOf } from '../../numerics/descriptors/cohort-scales.js';
import { rangeOf } from '../../numerics/descriptors/describe.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { VERSION } from '../../version.js';
import { EigenReport } from './eigen-report.js';
import { readEigenvalues } from './mesh-files.js';

export const SpectrumRangePort = z.strictObject({
  first_eigenvalue: z.number().gt(0),
  last_eigenvalue: z.number().gt(0),
});

/** Fixes times, energies and scales for all surfaces of a study. */
export const chooseScales = defineNode({
  name: 'choose_scales',
  version: 1,
  inputs: {
    /** Used where no range is given. */
    eigenvalues: port.list(port.file('tsv')),
    reports: port.list(port.file('json')),
    given: port.value(SpectrumRangePort.nullable()),
    settings: port.value(DescriptorSettings),
  },
  outputs: { range: port.value(SpectrumRangePort), scales: port.file('json') },
  async run({ eigenvalues, reports, given, settings }, ctx) {
    const ranges = [];
    for (const [i, file] of eigenvalues.entries()) {
      const { area } = EigenReport.parse(JSON.parse(await readFile(reports[i]!.path, 'utf8')));
      const factor = settings.normalisation === 'area' ? area : 1;
      ranges.push(rangeOf((await readEigenvalues(file)).map((value) => value * factor)));
    }
    const range = given ?? commonRange(ranges);
    const scales = ctx.outputFile('scales.json');
    const all = scalesOf(range, settings);
    const content = {
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      normalisation: settings.normalisation,
      ...range,
      hks_times: [...all.times],
      polynomial_times: [...all.polynomialTimes],
      wks_energies: [...all.energies.energies],
      wks_sigma: all.energies.sigma,
      wavelet_scales: [...all.waveletScales],
      diffusion_time: all.diffusionTime,
    };
    await writeAtomic(scales, `${JSON.stringify(content, null, 2)}\n`);
    return { range, scales };
  },
});
