import { expect, test } from 'vitest';

import { fieldsOnDevice } from '../../../../src/numerics/encoding/device-fields.js';
import { SPMHRFModel } from '../../../../src/numerics/encoding/hrf-model.js';
import { GaussianPRF2DWithHRF } from '../../../../src/numerics/encoding/models.js';
import { cleanParadigm, defaultCoordinates } from '../../../../src/numerics/encoding/paradigm.js';
import { ProjectedResponse } from '../../../../src/numerics/encoding/projected-response.js';
import * as nl from '../../../../src/tensor/index.js';

test('what lay on the device already is freed where an array does not go there', async () => {
  const frames = 12;
  const values = Float64Array.from({ length: frames * 12 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const paradigm = cleanParadigm({ shape: [frames, 4, 3], values });
  const model = new GaussianPRF2DWithHRF({
    gridCoordinates: defaultCoordinates(4, 3),
    hrfModel: new SPMHRFModel({ tr: 1.3 }),
  });
  const response = new ProjectedResponse(model, paradigm);
  const on = (length: number) =>
    fieldsOnDevice(model, paradigm, response, new Float32Array(length), { device: 'cpu', threads: 1 });
  (await on(2 * frames)).dispose();
  const before = nl.memoryCount();
  await expect(on(2.5 * frames)).rejects.toThrow('a length of 2.5 along an axis');
  expect(nl.memoryCount()).toBe(before);
});
