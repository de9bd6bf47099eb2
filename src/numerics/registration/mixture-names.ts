/** Name of the log template of a mixture in files; the first has the name of a single one. */
export function thetaName(template: number): string {
  return template === 0 ? 'theta' : `theta.${template}`;
}

/** Name of the velocity of a subject under a template in files; the first has the name of a single one. */
export function velocityName(subject: string | number, template: number): string {
  return template === 0 ? `velocity/${subject}` : `velocity/${subject}.${template}`;
}
