// node study.js OUT SLICE.dcm...
import { inputFile, Workflow } from 'neuroloom';
import { convertSeries, describeImage } from './nodes.js';

const [outputDir, ...slices] = process.argv.slice(2);
const wf = new Workflow('tools');
const series = wf.add(convertSeries, { slices: slices.map((path) => inputFile(path)) });
const described = wf.add(describeImage, { image: series.out.image, text: 'converted and described' });
wf.publish(described.out.image, 'image.nii');
wf.publish(series.out.sidecar, 'image.json');
const { status, counts } = await wf.run({ outputDir });
console.log(`${status}: ${counts.executed} nodes run, ${counts.reused} reused`);
