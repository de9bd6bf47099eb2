import { containerNode, outputFile, port } from 'neuroloom';

/** A brain mask by HD-BET from an image of one's own: its digest is part of the key. */
export const skullStrip = containerNode({
  name: 'skull_strip',
  version: 1,
  image: {
    name: 'HD-BET',
    sifFilename: 'hd-bet.sif',
    sourceUrl: process.env.HDBET_IMAGE ?? 'https://example.org/hd-bet.sif',
    sha256: process.env.HDBET_SHA256 ?? '0'.repeat(64),
    sizeMb: null,
    entrypoint: 'hd-bet',
  },
  inputs: { t1: port.file('nifti') },
  outputs: { brain: outputFile('nifti', 'brain.nii.gz') },
  command: ({ t1 }, { brain }) => ['hd-bet', '-i', t1, '-o', brain, '-device', 'cpu'],
});
