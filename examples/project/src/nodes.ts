// Nodes: a declaration and a short body. Workers import this file by itself, so it only declares things.
import { defineNode, port, z } from 'neuroloom';
import { readTsv, writeTsv } from 'neuroloom/io';
import { meanRate } from './mean-rate.js';

const Rate = z.object({ participant: z.string(), beats_per_minute: z.number() });

/** Heart rate of one participant. */
export const measureRate = defineNode({
  name: 'measure_rate',
  version: 1,
  inputs: {
    beats: port.file('tsv'),
    participant: port.value(z.string()),
    shortestBeat: port.value(z.number()),
  },
  outputs: { rate: port.value(Rate) },
  async run({ beats, participant, shortestBeat }, ctx) {
    const { columns, rows } = await readTsv(beats.path);
    const column = columns.indexOf('beat');
    if (column < 0) throw new Error(`${beats.relPath} has no column beat`);
    const rate = meanRate(
      rows.map((row) => Number(row[column])),
      shortestBeat,
    );
    // No failure: the participant is left out, with this reason.
    if (rate === null) return ctx.skip('fewer than two beats');
    return { rate: { participant, beats_per_minute: rate } };
  },
});

/** One table of all participants. */
export const collectRates = defineNode({
  name: 'collect_rates',
  version: 1,
  inputs: { rates: port.list(port.value(Rate)) },
  outputs: { table: port.file('tsv') },
  async run({ rates }, ctx) {
    const path = ctx.outputFile('heart_rate.tsv');
    const rows = rates.map((rate) => [rate.participant, rate.beats_per_minute]);
    await writeTsv(path, ['participant', 'beats_per_minute'], rows);
    return { table: path };
  },
});
