import { viewerColors } from './colors.js';

/** What a page does where scripts may run: sorting, filtering, copying, the viewers, values under the pointer. Without it all text is there. */
export const SCRIPT = `
'use strict';
const COLORS = ${JSON.stringify(viewerColors())};
document.documentElement.classList.add('js');
const value = (row, i) => { const cell = row.cells[i]; return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v); };
const compare = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : typeof a === 'number' ? -1 : typeof b === 'number' ? 1 : a.localeCompare(b, undefined, { numeric: true });
for (const table of document.querySelectorAll('main table')) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * compare(value(a, i), value(b, i))));
    });
  });
  if (body.rows.length < 12) continue;
  const filter = document.createElement('input');
  filter.type = 'search';
  filter.className = 'filter';
  filter.placeholder = 'filter rows';
  filter.setAttribute('aria-label', 'Filter rows of ' + table.caption.firstChild.textContent);
  filter.addEventListener('input', () => {
    const word = filter.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(word);
  });
  table.parentElement.before(filter);
}
for (const button of document.querySelectorAll('button.copy')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.of).innerText);
    button.textContent = 'Copied';
  });
}
addEventListener('beforeprint', () => { for (const one of document.querySelectorAll('details')) one.open = true; });
const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
let library;
const niivue = () => library ??= (async () => {
  const packed = new Blob([bytes(document.getElementById('niivue').textContent)]);
  const code = await new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).blob();
  await new Promise((loaded, failed) => {
    const script = document.createElement('script');
    script.src = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    script.onload = loaded;
    script.onerror = () => failed(new Error('its code could not be started'));
    document.head.append(script);
  });
  return window.niivue;
})();
const unpacked = (element) => new Response(new Blob([bytes(element.textContent)]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
const started = async (canvas, options) => {
  const { Niivue } = await niivue();
  const shown = new Niivue({ crosshairWidth: 0.3, crosshairWidthUnit: 'percent', crosshairColor: [1, 1, 1, 0.7], logLevel: 'error', ...options });
  shown.addColormap('report', COLORS);
  // One colour, and nothing below the least value. Of all ways to leave that out only this one keeps the opacity.
  shown.addColormap('over', { R: [255, 255], G: [60, 60], B: [60, 60], A: [0, 255], I: [0, 255] });
  await shown.attachToCanvas(canvas);
  return shown;
};
const openVolumes = async (viewer, state) => {
  const canvas = viewer.querySelector('canvas');
  canvas.parentElement.hidden = false;
  const shown = await started(canvas, { backColor: [0, 0, 0, 1], show3Dcrosshair: true });
  const { NVImage } = window.niivue;
  let first = true;
  for (const one of viewer.querySelectorAll('script.volume')) {
    const { label, low, high } = one.dataset;
    const image = await NVImage.new(bytes(one.textContent).buffer, label + '.nii.gz', first ? 'report' : 'over', first ? 1 : 0.35);
    image.cal_min = first ? Number(low) : Number(low) + 0.5 * (Number(high) - Number(low));
    image.cal_max = Number(high);
    shown.addVolume(image);
    first = false;
  }
  shown.updateGLVolume();
  state.textContent = 'Left is left. Drag to move the cross, scroll through slices, arrow keys step by voxels.';
};
const VIEWS = { left: [90, 0], right: [270, 0], above: [180, 90], below: [180, -90], front: [0, 0], back: [180, 0] };
const short = (value) => String(Number(Number(value).toPrecision(4)));
const openSurfaces = async (viewer, state) => {
  viewer.querySelector('.opened').hidden = false;
  const canvas = viewer.querySelector('canvas');
  const shown = await started(canvas, { backColor: [1, 1, 1, 1], show3Dcrosshair: false });
  const { NVMesh } = window.niivue;
  shown.setSliceType(shown.sliceTypeRender);
  const meshes = [...viewer.querySelectorAll('script.surface')].map((element) => ({ element, layers: [] }));
  for (const one of viewer.querySelectorAll('script.surface, script.layer'))
    if (one.className === 'layer') meshes.findLast(({ element }) => element.compareDocumentPosition(one) & 4).layers.push(one);
  const [which, colour, view] = ['which', 'colour', 'view'].map((name) => viewer.querySelector('select.' + name));
  const [from, , to] = viewer.querySelector('.scale').children;
  const show = async () => {
    const { element, layers } = meshes[which.selectedIndex];
    const wanted = colour.value;
    colour.replaceChildren(...layers.map(({ dataset }) => new Option(dataset.label)));
    colour.value = wanted;
    if (colour.selectedIndex < 0) colour.selectedIndex = 0;
    const data = await unpacked(element);
    const points = 12 * Number(element.dataset.vertices);
    const mesh = new NVMesh(new Float32Array(data.slice(0, points)), new Uint32Array(data.slice(points)), element.dataset.label, new Uint8Array([150, 150, 150, 255]), 1, true, shown.gl);
    const layer = layers[colour.selectedIndex];
    if (layer !== undefined) {
      const values = Float32Array.from(new Uint8Array(await unpacked(layer)));
      mesh.layers.push({ values, colormap: 'report', opacity: 1, cal_min: 1, cal_max: 255, global_min: 0, global_max: 255, cal_minNeg: NaN, cal_maxNeg: NaN, nFrame4D: 1, frame4D: 0, outlineBorder: 0, colormapType: 0, isTransparentBelowCalMin: true, isAdditiveBlend: false, colorbarVisible: false, useNegativeCmap: false, colormapInvert: false });
      const { low, high, unit } = layer.dataset;
      from.textContent = short(low);
      to.textContent = short(high) + (unit === '' ? '' : ' ' + unit);
    }
    for (const old of [...shown.meshes]) shown.removeMesh(old);
    mesh.updateMesh(shown.gl);
    shown.addMesh(mesh);
    turn();
    state.textContent = element.dataset.label + (layer === undefined ? '' : ', coloured by ' + layer.dataset.label) + '. Drag or press H, J, K, L to turn it.';
  };
  const turn = () => shown.setRenderAzimuthElevation(...VIEWS[view.value]);
  which.addEventListener('change', show);
  colour.addEventListener('change', show);
  view.addEventListener('change', turn);
  await show();
};
for (const viewer of document.querySelectorAll('.viewer')) {
  const button = viewer.querySelector('button.start');
  const state = viewer.querySelector('.state');
  button.addEventListener('click', async () => {
    button.disabled = true;
    state.textContent = 'opening ...';
    try {
      await (viewer.dataset.kind === 'surfaces' ? openSurfaces : openVolumes)(viewer, state);
      viewer.dataset.ready = 'yes';
    } catch (error) {
      state.textContent = 'The viewer could not be opened here (' + error.message + '); the pictures of this report show the same.';
      button.disabled = false;
    }
  });
}
for (const chart of document.querySelectorAll('svg[data-frame]')) {
  const table = chart.closest('figure')?.querySelector('details.numbers table');
  if (!table) continue;
  const [left, width, top, height, low, high] = chart.dataset.frame.split(' ').map(Number);
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const said = document.createElement('p');
  said.className = 'readout';
  said.setAttribute('aria-hidden', 'true');
  chart.after(said);
  const cross = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  cross.setAttribute('class', 'cross');
  chart.addEventListener('pointermove', ({ clientX }) => {
    const box = chart.getBoundingClientRect();
    const at = low + (((clientX - box.left) * chart.viewBox.baseVal.width) / box.width - left) / width * (high - low);
    const far = (row) => Math.abs(Number(row.cells[0].dataset.v) - at);
    const near = [...table.tBodies[0].rows].reduce((best, row) => (far(row) < far(best) ? row : best));
    const x = left + (high > low ? (Number(near.cells[0].dataset.v) - low) / (high - low) : 0.5) * width;
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: top, y2: top + height })) cross.setAttribute(name, value);
    chart.append(cross);
    said.textContent = [...near.cells].map((cell, i) => names[i] + ' ' + cell.textContent).join(', ');
  });
  chart.addEventListener('pointerleave', () => { cross.remove(); said.textContent = ''; });
}
`;
