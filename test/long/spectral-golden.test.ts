/** The open and the folded mesh of reference/spectral: what test/golden compares of the other two. */
import { shapeTests, signatureTests } from '../support/spectral-golden-tests.js';

const MESHES = ['hipp_open_sub03L', 'fsaverage5_pial_left'] as const;

signatureTests(MESHES);
shapeTests(MESHES);
