// Small helpers: everything from the server goes into the page as text, never as markup.
export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = tag.startsWith('svg:') ? document.createElementNS('http://www.w3.org/2000/svg', tag.slice(4)) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const pad = (n) => String(n).padStart(2, '0');
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

export const clock = (text) => new Date(text).toLocaleTimeString([], { hour12: false });
export const since = (text) => duration((Date.now() - Date.parse(text)) / 1000);
export const who = (endpoint) => (endpoint?.phone ? `☎ ${endpoint.phone}` : endpoint?.trunk ? `⇄ ${endpoint.trunk}` : '?');

// Fills a container with a table; keeps the focused row and the scroll position.
export function table(box, titles, rows, empty) {
  if (rows.length === 0) {
    box.replaceChildren(el('p', { class: 'empty' }, empty));
    return;
  }
  const focused = document.activeElement?.dataset?.key;
  const head = el('thead', {}, el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title))));
  const body = el('tbody', {}, ...rows.map(({ key, cells, open }) => {
    const row = el('tr', open ? { tabindex: 0, 'data-key': key, onclick: open, onkeydown: (e) => { if (e.key === 'Enter') open(); } } : {});
    row.append(...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : el('td', {}, cell ?? ''))));
    return row;
  }));
  box.replaceChildren(el('table', {}, head, body));
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
