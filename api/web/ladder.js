// A call's events as a ladder: one life line per leg, Tandem in the middle of the story at the left.
import { el, clock, who } from './dom.js';
import { t } from './text.js';

const WIDTH = 190;
const LEFT = 96;
const STEP = 34;

function lines(events) {
  const legs = new Map();
  for (const { kind, data } of events) {
    if (kind === 'call.arrived') legs.set(data.leg, { end: who(data.from), sub: data.caller, inward: true });
    if (kind === 'leg.dialled') legs.set(data.leg, { end: who(data.to), sub: data.called });
    if (kind === 'leg.moved' && !legs.has(data.leg)) legs.set(data.leg, { end: '…', sub: data.from });
  }
  return legs;
}

// A route in few words: `phone 1002`, `trunks a, b`, `echo`.
function where(route) {
  if (typeof route === 'string') return route;
  const [[key, value]] = Object.entries(route);
  if (key === 'number') return where(value);
  return `${key} ${Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? Object.entries(value).flat().join(' ') : value}`;
}

const cause = (c) => `${c.sip} / Q.850 ${c.q850}${c.text ? ` · ${c.text}` : ''}`;

// What an event looks like: an arrow from or to a leg, a link between legs, or a remark.
function shape({ kind, data }, legs) {
  const inward = legs.get(data.leg)?.inward;
  switch (kind) {
    case 'call.arrived': return { leg: data.leg, to: 'us', text: `INVITE ${data.called}` };
    case 'call.originated': return { text: `originate ${who(data.from)} → ${data.called}` };
    case 'call.routed': return { text: `route → ${where(data.route)}` };
    case 'leg.dialled': return { leg: data.leg, to: 'leg', text: `INVITE ${data.called}` };
    case 'leg.ringing': return { leg: data.leg, to: inward ? 'leg' : 'us', text: `${data.status}${data.early_media ? ' + SDP' : ''}` };
    case 'leg.answered': return { leg: data.leg, to: inward ? 'leg' : 'us', text: `200 OK${data.media ? ` · ${data.media.codec.name}` : ''}` };
    case 'leg.media': return { leg: data.leg, dot: true, text: `media ${data.media.codec.name} ${data.media.direction}` };
    case 'leg.held': return { leg: data.leg, dot: true, text: `hold (${data.by})` };
    case 'leg.resumed': return { leg: data.leg, dot: true, text: `resume (${data.by})` };
    case 'leg.digit': return { leg: data.leg, to: 'us', text: `DTMF ${data.digit}` };
    case 'leg.moved': return { leg: data.leg, dot: true, text: 'joined from another call' };
    case 'legs.bridged': return { link: data.legs, text: 'bridged' };
    case 'legs.parted': return { link: data.legs, text: 'parted', thin: true };
    case 'transfer.requested': return { leg: data.leg, to: 'us', text: `REFER ${data.target}` };
    case 'transfer.completed': return { leg: data.leg, dot: true, text: 'transfer done' };
    case 'transfer.failed': return { leg: data.leg, dot: true, bad: true, text: `transfer failed ${cause(data.cause)}` };
    case 'leg.releasing': return { leg: data.leg, to: 'leg', bad: data.cause.sip >= 400, text: `release ${cause(data.cause)}` };
    case 'leg.ended': return { leg: data.leg, to: 'us', bad: data.cause.sip >= 400, text: `ended ${cause(data.cause)}` };
    case 'call.ended': return { text: `${t('ended')} ${cause(data.cause)}` };
    default: return { leg: data.leg, dot: Boolean(data.leg), text: kind };
  }
}

export function ladder(events) {
  const legs = lines(events);
  const ids = [...legs.keys()];
  const us = LEFT + WIDTH / 2;
  const x = (leg) => us + (ids.indexOf(leg) + 1) * WIDTH;
  const width = us + (ids.length + 1) * WIDTH;
  const height = 64 + events.length * STEP;
  const svg = el('svg:svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': t('timeline') });
  const put = (tag, attributes, ...children) => svg.append(el(`svg:${tag}`, attributes, ...children));
  const column = (at, head, sub) => {
    put('line', { class: 'life', x1: at, x2: at, y1: 44, y2: height - 8 });
    put('text', { class: 'head', x: at, y: 18 }, head);
    put('text', { class: 'sub', x: at, y: 34 }, sub ?? '');
  };
  column(us, 'Tandem', '');
  ids.forEach((id) => column(x(id), legs.get(id).end, legs.get(id).sub));
  events.forEach((event, row) => {
    const y = 70 + row * STEP;
    const look = shape(event, legs);
    put('text', { class: 't', x: 0, y: y + 4 }, clock(event.time) + '.' + event.time.slice(20, 23));
    if (look.link) {
      const places = look.link.filter((leg) => ids.includes(leg)).map(x);
      if (places.length > 1) put('line', { class: look.thin ? 'life' : 'link', x1: Math.min(...places), x2: Math.max(...places), y1: y, y2: y });
      put('text', { class: 'lbl', x: places.length ? (Math.min(...places) + Math.max(...places)) / 2 : us, y: y - 6 }, look.text);
    } else if (look.leg && ids.includes(look.leg) && look.to) {
      const [from, to] = look.to === 'us' ? [x(look.leg), us] : [us, x(look.leg)];
      const tip = to > from ? -7 : 7;
      const bad = look.bad ? ' bad' : '';
      put('line', { class: `arrow${bad}`, x1: from, x2: to + tip, y1: y, y2: y });
      put('polygon', { class: `tip${bad}`, points: `${to},${y} ${to + tip},${y - 4} ${to + tip},${y + 4}` });
      put('text', { class: 'lbl', x: (us + x(ids[0])) / 2 + (x(look.leg) - x(ids[0])) , y: y - 5 }, look.text);
    } else if (look.leg && ids.includes(look.leg)) {
      put('circle', { class: 'dot', cx: x(look.leg), cy: y, r: 4 });
      put('text', { class: 'plain', x: x(look.leg) + 9, y: y + 4 }, look.text);
    } else {
      put('text', { class: 'plain', x: us + 9, y: y + 4 }, look.text);
    }
  });
  return el('div', { class: 'ladder', tabindex: 0 }, svg);
}
