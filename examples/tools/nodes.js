import { dirname } from 'node:path';
import { commandNode, outputFile, port, z } from 'neuroloom';

/** A NIfTI file with another description in its header, by nifti_tool (Debian: nifti-bin). */
export const describeImage = commandNode({
  name: 'describe_image',
  version: 1,
  program: 'nifti_tool',
  versionArguments: ['-ver'],
  inputs: { image: port.file('nifti'), text: port.value(z.string().max(79)) },
  outputs: { image: outputFile('nifti', 'described.nii') },
  arguments: ({ image, text }, outputs) => [
    '-mod_hdr',
    ...['-mod_field', 'descrip', text],
    ...['-prefix', outputs.image],
    ...['-infiles', image],
  ],
});

/** The series that a DICOM file belongs to, by dcm2niix (Debian: dcm2niix). */
export const convertSeries = commandNode({
  name: 'convert_series',
  version: 1,
  program: 'dcm2niix',
  versionArguments: ['-v'],
  // dcm2niix ends with 3 after telling its version.
  versionExitCodes: [0, 3],
  // All slices are inputs, so that the node runs again when any of them changes.
  inputs: { slices: port.list(port.file('dicom')) },
  outputs: { image: outputFile('nifti', 'series.nii'), sidecar: outputFile('json', 'series.json') },
  arguments: ({ slices }, { image }) => ['-f', 'series', '-o', dirname(image), '-z', 'n', slices[0]],
  onLine: (line, _stream, ctx) => {
    const found = /^Found (\d+) DICOM/.exec(line);
    if (found !== null) ctx.metric('dicom', { files: Number(found[1]) });
    ctx.log.info(line);
  },
});
