/** Descriptors that need no eigenpairs of two meshes of reference/spectral; the other two are in test/long/spectral-golden.test.ts. */
import { SPECTRAL_MESHES } from '../support/golden-spectral.js';
import { shapeTests } from '../support/spectral-golden-tests.js';

shapeTests(SPECTRAL_MESHES);
