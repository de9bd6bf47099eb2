/** What a page does where scripts may run: sorting, filtering, copying, the viewer. Without it all text is there. */
export const SCRIPT = `
'use strict';
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
for (const viewer of document.querySelectorAll('.viewer')) {
  const button = viewer.querySelector('button.start');
  const state = viewer.querySelector('.state');
  button.addEventListener('click', async () => {
    button.disabled = true;
    state.textContent = 'opening ...';
    try {
      const { Niivue, NVImage } = await niivue();
      const canvas = viewer.querySelector('canvas');
      canvas.hidden = false;
      const shown = new Niivue({ backColor: [0, 0, 0, 1], crosshairWidth: 1, show3Dcrosshair: true, logLevel: 'error' });
      await shown.attachToCanvas(canvas);
      let first = true;
      for (const one of viewer.querySelectorAll('script.volume')) {
        const { label, low, high } = one.dataset;
        const image = await NVImage.new(bytes(one.textContent).buffer, label + '.nii.gz', first ? 'viridis' : 'red', first ? 1 : 0.6);
        image.cal_min = first ? Number(low) : Number(low) + 0.5 * (Number(high) - Number(low));
        image.cal_max = Number(high);
        // Below its least value an overlay lets the map below it through.
        if (!first) image.colormapType = 1;
        shown.addVolume(image);
        first = false;
      }
      shown.updateGLVolume();
      state.textContent = 'Left is left. Drag to move the cross, scroll through slices, arrow keys step by voxels.';
      viewer.dataset.ready = 'yes';
    } catch (error) {
      state.textContent = 'The viewer could not be opened here (' + error.message + '); the slices above show the same maps.';
      button.disabled = false;
    }
  });
}
`;
