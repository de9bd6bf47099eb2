/** Tests share a process, and some choose an instruction set: each file leaves the one that its process began with. */
import { afterAll } from 'vitest';
import { nativeStatus, selectIsa, type Isa } from '../../src/native/index.js';

afterAll(() => {
  const status = nativeStatus();
  const own = (process.env['NEUROLOOM_ISA'] || (status.available && status.isas[0])) as
    Isa | false | undefined;
  if (status.available && own) selectIsa(own);
});
