// node container-study.js OUT T1w.nii.gz
import { inputFile, Workflow } from 'neuroloom';
import { skullStrip } from './container-node.js';

const [outputDir, t1] = process.argv.slice(2);
const wf = new Workflow('skull_strip');
const stripped = wf.add(skullStrip, { t1: inputFile(t1) });
wf.publish(stripped.out.brain, 'brain.nii.gz');
const { status, counts } = await wf.run({ outputDir });
console.log(`${status}: ${counts.executed} nodes run, ${counts.reused} reused`);
