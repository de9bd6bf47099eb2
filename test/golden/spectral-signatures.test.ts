/** Signatures, distances and ShapeDNA of two meshes of reference/spectral; the other two are in test/long/spectral-golden.test.ts. */
import { SPECTRAL_MESHES } from '../support/golden-spectral.js';
import { signatureTests } from '../support/spectral-golden-tests.js';

signatureTests(SPECTRAL_MESHES);
