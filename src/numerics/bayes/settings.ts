import { z } from 'zod';

/** Samplers by name; both are the no-U-turn sampler, `nutpie` adapts its mass matrix from gradients too. */
export const SAMPLER_NAMES = ['nuts', 'nutpie'] as const;
/** A sampler by name. */
export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** What the node `bayesian_group` fits, and how it draws. */
export const BayesianGroupSettings = z.strictObject({
  model: z
    .enum(['group_difference', 'hierarchical_regression', 'horseshoe'])
    .default('group_difference')
    .describe(
      'What is fitted: two groups, a regression with effects of sites, or many descriptors of which few matter',
    ),
  outcome: z
    .string()
    .min(1)
    .describe('Column that is explained: of the table, for horseshoe of the participants'),
  predictors: z
    .array(z.string().min(1))
    .default([])
    .describe('Columns that explain it: of the participants, for horseshoe of the table'),
  group: z.string().min(1).nullable().default(null).describe('Column of participants.tsv with two groups'),
  groups: z
    .tuple([z.string(), z.string()])
    .nullable()
    .default(null)
    .describe('The two groups, first minus second; null: those there are, in order'),
  site: z.string().min(1).nullable().default(null).describe('Column of the participants with the site'),
  where: z
    .record(z.string(), z.string())
    .default({})
    .describe('Rows of the table that count, by column and value, such as channel: Cz'),
  sampler: z.enum(SAMPLER_NAMES).default('nuts').describe('nuts, or nutpie where variables are correlated'),
  draws: z.int().min(4).default(2000).describe('Draws of each chain that are kept'),
  tune: z.int().min(0).default(1000).describe('Draws of each chain before'),
  chains: z.int().min(1).default(4).describe('Chains'),
  target_accept: z.number().gt(0).lt(1).default(0.95).describe('Mean acceptance that the step size aims at'),
});

export type BayesianGroupSettings = z.output<typeof BayesianGroupSettings>;
