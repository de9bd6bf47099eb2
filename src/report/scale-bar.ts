import { gradientCss, type ColorScale } from './colors.js';
import { numberText } from './format.js';
import { html, Html } from './html.js';

/** Which colour stands for which value. */
export function scaleBar(colors: ColorScale, [low, high]: readonly [number, number], unit: string): Html {
  return html`<p class="scale">
    <span>${numberText(low)}</span
    ><span class="ramp" style="background:${new Html(gradientCss(colors))}"></span
    ><span>${numberText(high)}${unit === '' ? '' : ` ${unit}`}</span>
  </p>`;
}
