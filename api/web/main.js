// The status page. Lists are read again when events say that something changed, at most twice a second; the ticker
// shows the events themselves.
import { $, el, clock, duration, since, table, who } from './dom.js';
import { ladder } from './ladder.js';
import { switchLanguage, t, translate } from './text.js';

const TICKER = 120;
const state = { tenant: null, source: null, dirty: true, busy: false, paused: false, count: 0, seen: 0, overview: null, queues: new Map() };

async function api(path, options = {}) {
  const response = await fetch(`/api/v1${path}`, { headers: { Accept: 'application/json', ...options.headers }, ...options });
  if (response.status === 401) showDoor();
  if (!response.ok) throw Object.assign(new Error(`${response.status}`), { status: response.status });
  return response.status === 204 ? null : response.json();
}

// ---- signing in -------------------------------------------------------------------------------------------------

function showDoor(message = '') {
  state.source?.close();
  state.source = null;
  for (const [id, hidden] of [['door', false], ['console', true], ['out', true], ['tenant', true]]) $(id).hidden = hidden;
  pill($('health'), '', '');
  pill($('link'), '', '');
  $('wrong').textContent = message;
  $('token').focus();
}

async function openSession(options) {
  const response = await fetch('/api/v1/session', { method: 'POST', ...options });
  return response.status;
}

async function begin() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get('ticket');
  if (ticket) {
    // The ticket leaves the address bar and the history before anything else.
    history.replaceState(null, '', location.pathname);
    const status = await openSession({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ticket }) });
    if (status !== 204) {
      const open = await fetch('/api/v1/overview');
      if (!open.ok) return showDoor(t('used'));
    }
  }
  await enter();
}

async function enter() {
  try {
    state.overview = await api('/overview');
  } catch {
    return;
  }
  $('door').hidden = true;
  for (const id of ['console', 'out']) $(id).hidden = false;
  pickTenant();
  follow();
  state.dirty = true;
  refresh();
}

$('signin').addEventListener('submit', async (event) => {
  event.preventDefault();
  const status = await openSession({ headers: { Authorization: `Bearer ${$('token').value.trim()}` } });
  $('token').value = '';
  if (status === 204) return enter();
  $('wrong').textContent = t(status === 429 ? 'slow' : 'wrong');
});

$('out').addEventListener('click', async () => {
  await api('/session', { method: 'DELETE' }).catch(() => {});
  showDoor();
});

// ---- what is shown ----------------------------------------------------------------------------------------------

function pill(node, text, mood) {
  node.textContent = text;
  node.className = `pill ${mood}`;
}

function pickTenant() {
  const box = $('tenant');
  const names = state.overview.tenants;
  if (!names.some((known) => known.tenant === state.tenant)) {
    const stored = localStorage.getItem('tenant');
    state.tenant = (names.find((known) => known.tenant === stored) ?? names[0])?.tenant ?? null;
  }
  const wanted = names.map((known) => known.tenant).join();
  if (box.dataset.names !== wanted) {
    box.dataset.names = wanted;
    box.replaceChildren(...names.map(({ tenant, name }) => el('option', { value: tenant }, name === tenant ? tenant : `${name} (${tenant})`)));
  }
  box.value = state.tenant ?? '';
  box.hidden = names.length < 1;
}

$('tenant').addEventListener('change', () => {
  state.tenant = $('tenant').value;
  localStorage.setItem('tenant', state.tenant);
  $('ticker').replaceChildren();
  follow();
  state.dirty = true;
  refresh();
});

function tiles() {
  const { kafka, health, tenants } = state.overview;
  const mine = tenants.find((known) => known.tenant === state.tenant) ?? { phones: 0, registered: 0, trunks: 0, trunks_up: 0, calls: 0, talking: 0 };
  const lag = Math.max(0, ...health.parts.map((part) => parseInt(part.detail ?? '0', 10) || 0));
  const bus = !kafka.enabled ? [t('off'), ''] : !kafka.connected ? [t('away'), 'bad'] : kafka.lag > 1000 ? [`${kafka.lag} ${t('behind')}`, 'bad'] : [t('ok'), 'good'];
  const list = [
    [mine.calls, t('callsnow'), ''], [mine.talking, t('talking'), 'good'], [`${mine.registered} / ${mine.phones}`, t('phones'), ''],
    [`${mine.trunks_up} / ${mine.trunks}`, t('trunksup'), mine.trunks_up < mine.trunks ? 'bad' : ''], [lag, t('lag'), lag > 1000 ? 'bad' : ''], [bus[0], t('kafka'), bus[1]],
  ];
  $('tiles').replaceChildren(...list.map(([value, label, mood]) => el('div', { class: `tile ${mood}` }, el('b', {}, String(value)), el('span', {}, label))));
  $('node').textContent = `${state.overview.node} · ${state.overview.version} · ${duration(state.overview.uptime_s)}`;
  pill($('health'), health.ready ? t('ready') : `${t('notready')}: ${health.parts.filter((p) => !p.ok).map((p) => p.part).join(', ')}`, health.ready ? 'good' : 'bad');
}

function legTag(leg) {
  const look = leg.held_by?.length ? 'held' : leg.state;
  return el('span', { class: `tag ${look}`, title: `${leg.leg} ${leg.role} ${leg.codec ?? ''}` }, `${who(leg.endpoint)} ${t(look)}`);
}

function showCalls({ items, next }) {
  $('n-calls').textContent = items.length ? `${items.length}${next ? '+' : ''}` : '';
  const rows = items.toReversed().map((call) => ({
    key: call.call,
    open: () => showCall(call.call),
    cells: [
      el('td', {}, el('strong', {}, call.caller), call.caller_name ? el('span', { class: 'muted' }, ` ${call.caller_name}`) : null),
      call.called,
      el('td', { class: 'grow' }, ...call.legs.map(legTag)),
      since(call.started),
    ],
  }));
  table($('calls'), [t('caller'), t('called'), t('legs'), t('since')], rows, state.tenant ? t('nocalls') : t('notenants'));
}

function result(call) {
  if (!call.ended) return el('span', { class: 'tag ringing' }, t('live'));
  if (call.answered) return el('span', { class: 'tag up' }, t('answered'));
  return el('span', { class: 'tag failed' }, `${call.cause?.sip ?? ''} ${t('noanswer')}`);
}

function showHistory({ calls }) {
  // Calls that are up have a list of their own.
  const rows = calls.filter((call) => call.ended).map((call) => ({
    key: call.call,
    open: () => showCall(call.call),
    cells: [clock(call.started), call.caller, call.called, result(call), call.talk_s === undefined ? '' : duration(call.talk_s)],
  }));
  table($('history'), [t('when'), t('caller'), t('called'), t('result'), t('talk')], rows, t('nohistory'));
}

function showTrunks({ items }) {
  $('n-trunks').textContent = items.length || '';
  const rows = items.map(({ trunk, state: condition, reason }) => ({
    cells: [trunk.name, trunk.host, el('span', { class: `tag ${condition}`, title: reason }, t(condition === 'up' ? 'trunkup' : condition))],
  }));
  table($('trunks'), [t('name'), t('host'), t('state')], rows, t('notrunks'));
}

function showAgents({ items, next }) {
  $('n-agents').textContent = items.length ? `${items.filter((agent) => agent.session).length} / ${items.length}${next ? '+' : ''}` : '';
  const rows = items.map(({ number, name, role, session }) => ({
    key: `agent-${number}`,
    open: session?.calls.length ? () => showCall(session.calls[0]) : null,
    cells: [
      el('td', {}, el('strong', {}, String(number)), el('span', { class: 'muted' }, ` ${name}`), role === 'supervisor' ? el('span', { class: 'tag' }, t('supervisor')) : null),
      el('span', { class: `tag ${session?.state ?? ''}` }, t(session?.state ?? 'signedout')),
      session ? since(session.state_since) : '',
      session ? session.queues.map((queue) => state.queues.get(queue) ?? queue).join(', ') : '',
      session ? String(session.calls_taken) : '',
    ],
  }));
  table($('agents'), [t('agent'), t('state'), t('since'), t('queues'), t('callstaken')], rows, t('noagents'));
}

function showQueues({ items }) {
  $('n-queues').textContent = items.length || '';
  $('boards').hidden = items.length === 0;
  state.queues = new Map(items.map(({ queue }) => [queue.id, queue.name]));
  const rows = items.map(({ queue, waiting, waiting_since: first, agents, available, in_calls: talking }) => {
    const late = first && (Date.now() - Date.parse(first)) / 1000 > queue.service_level_s;
    return { cells: [queue.name, el('span', { class: late ? 'late' : '' }, waiting ? `${waiting} · ${since(first)}` : '0'), `${available} / ${agents}`, String(talking)] };
  });
  table($('queues'), [t('queue'), t('waiting'), t('free'), t('incalls')], rows, t('noqueues'));
}

function showRegistrations({ items, next }) {
  $('n-regs').textContent = items.length ? `${items.length}${next ? '+' : ''}` : '';
  const rows = items.flatMap(({ user, contacts }) => contacts.map((contact) => ({
    cells: [user, el('span', { class: 'mono', title: contact.user_agent ?? '' }, `${contact.transport} ${contact.source}`), duration((Date.parse(contact.expires) - Date.now()) / 1000)],
  })));
  table($('regs'), [t('user'), t('contact'), t('expires')], rows, t('noregs'));
}

async function refresh() {
  if (state.busy || $('console').hidden) return;
  state.busy = true;
  state.dirty = false;
  try {
    state.overview = await api('/overview');
    pickTenant();
    tiles();
    if (state.tenant) {
      const base = `/tenants/${state.tenant}`;
      const [queues, agents, calls, past, trunks, registrations] = await Promise.all([
        api(`${base}/queues?limit=100`), api(`${base}/agents?limit=100`),
        api(`${base}/calls?limit=100`), api(`${base}/history?limit=100`), api(`${base}/trunks`), api(`${base}/registrations?limit=100`),
      ]);
      showQueues(queues);
      showAgents(agents);
      showCalls(calls);
      showHistory(past);
      showTrunks(trunks);
      showRegistrations(registrations);
      if (!state.source) follow();
    } else {
      showCalls({ items: [] });
    }
  } catch (error) {
    if (error.status !== 401) pill($('health'), t('offline'), 'bad');
  } finally {
    state.busy = false;
  }
}

// ---- events -----------------------------------------------------------------------------------------------------

const KINDS = ['call.arrived', 'call.originated', 'call.routed', 'leg.dialled', 'leg.ringing', 'leg.answered', 'leg.media', 'leg.held', 'leg.resumed', 'leg.digit',
  'leg.moved', 'legs.bridged', 'legs.parted', 'transfer.requested', 'transfer.completed', 'transfer.failed', 'leg.releasing', 'leg.ended', 'call.ended',
  'tenant.created', 'tenant.changed', 'tenant.removed', 'phone.added', 'phone.changed', 'phone.removed', 'trunk.added', 'trunk.changed', 'trunk.removed', 'trunk.state',
  'call.queued', 'call.dequeued', 'call.offered', 'call.agent_alerting', 'call.agent_joined', 'call.agent_held', 'call.agent_retrieved', 'call.agent_muted', 'call.agent_left',
  'call.conferenced', 'call.consulting', 'call.handover_asked', 'call.handover_ended', 'call.data', 'call.collecting', 'call.collected', 'call.voicemail', 'call.supervised',
  'call.supervision_ended', 'recording.started', 'recording.paused', 'recording.resumed', 'recording.ended', 'playback.started', 'playback.ended', 'conference.began',
  'conference.joined', 'conference.left', 'agent.signed_in', 'agent.signed_out', 'agent.skills', 'agent.mode', 'agent.mode_deferred', 'agent.rest_overrun', 'agent.phone', 'agent.note',
  'agent.added', 'agent.changed', 'agent.removed', 'queue.added', 'queue.changed', 'queue.removed', 'audit.noted',
  'number.added', 'number.changed', 'number.removed', 'registration.added', 'registration.refreshed', 'registration.removed'];

function follow() {
  state.source?.close();
  if (!state.tenant) {
    state.source = null;
    return;
  }
  const after = Math.max(0, state.overview.position - 30);
  const from = after > 0 ? `?after=${after - 1}` : '?from_start=true';
  const source = new EventSource(`/api/v1/tenants/${state.tenant}/events${from}`);
  state.source = source;
  source.addEventListener('open', () => pill($('link'), t('live'), 'good'));
  source.addEventListener('error', () => {
    pill($('link'), t('offline'), 'bad');
    // The browser comes back by itself unless the server refused it; then a look at the overview tells why.
    if (source.readyState === EventSource.CLOSED) {
      state.source = null;
      state.dirty = true;
    }
  });
  for (const kind of KINDS) source.addEventListener(kind, (event) => take(kind, event.data));
}

const modeName = (mode) => (typeof mode === 'string' ? mode : Object.keys(mode ?? {})[0]);

function summary({ kind, data, agent }) {
  if (kind.startsWith('agent.') && agent) return [agent, modeName(data.mode), data.state, data.reason && modeName(data.reason)].filter(Boolean).join(' ');
  if (kind === 'audit.noted') return `${data.audit.actor}: ${data.audit.action} ${data.audit.subject}`;
  if (kind.startsWith('call.') && (data.agent || data.queue)) {
    return [data.agent && `${t('agent')} ${data.agent}`, data.queue && `${t('queue')} ${data.queue}`, data.position && `#${data.position}`, modeName(data.end), modeName(data.leaving)].filter(Boolean).join(' · ');
  }
  const end = data.from?.phone || data.from?.trunk ? who(data.from) : data.to ? who(data.to) : '';
  const parts = [end, data.caller, data.called && `→ ${data.called}`, data.status, data.digit, data.cause && `${data.cause.sip}`, data.user, data.phone?.user,
    data.name, data.state, data.number?.number ?? data.number, data.binding?.contact, data.settings?.name, data.target, kind === 'leg.held' ? data.by : ''];
  return parts.filter(Boolean).join(' ');
}

const waiting = [];

function take(kind, text) {
  state.count += 1;
  state.dirty = true;
  waiting.push([kind, text]);
  // At thousands of events per second only the latest are worth drawing.
  if (waiting.length > TICKER) waiting.shift();
}

function draw() {
  if (state.paused || waiting.length === 0) return;
  const list = $('ticker');
  const fresh = waiting.splice(0).map(([kind, text]) => {
    const event = JSON.parse(text);
    const line = el('li', { class: 'fresh' }, el('span', { class: 'muted' }, clock(event.time)), el('span', { class: `k-${kind.split('.')[0]}` }, kind), el('span', {}, summary(event)));
    if (event.call) {
      line.tabIndex = 0;
      line.addEventListener('click', () => showCall(event.call));
      line.addEventListener('keydown', (e) => { if (e.key === 'Enter') showCall(event.call); });
    }
    return line;
  });
  list.prepend(...fresh.toReversed());
  while (list.childElementCount > TICKER) list.lastElementChild.remove();
}

$('pause').addEventListener('click', () => {
  state.paused = !state.paused;
  $('pause').setAttribute('aria-pressed', state.paused);
  $('pause').dataset.t = state.paused ? 'go' : 'pause';
  translate();
});

// ---- one call ---------------------------------------------------------------------------------------------------

async function showCall(id) {
  const detail = await api(`/tenants/${state.tenant}/calls/${id}`).catch(() => null);
  if (!detail) return;
  const { call, legs, events } = detail;
  $('d-title').textContent = `${call.caller} → ${call.called}`;
  const fact = (title, value) => [el('dt', {}, title), el('dd', {}, value ?? '–')];
  const group = (title, value) => el('div', {}, ...fact(title, value));
  const cause = call.cause ? `${call.cause.sip} · Q.850 ${call.cause.q850} · ${call.cause.by}` : null;
  const media = legs.filter((leg) => leg.codec).map((leg) =>
    `${leg.endpoint}: ${leg.codec}${leg.mos ? ` · MOS ${leg.mos.toFixed(1)}` : ''}${leg.packets_lost !== undefined ? ` · ${leg.packets_lost} ${t('lost')}` : ''}`);
  $('d-body').replaceChildren(
    el('dl', { class: 'facts' }, group(t('call'), el('code', {}, call.call)), group(t('from'), call.endpoint), group(t('began'), new Date(call.started).toLocaleString(document.documentElement.lang)),
      group(t('answered'), call.answered ? clock(call.answered) : t('no')), group(t('ended'), call.ended ? clock(call.ended) : null),
      group(t('talk'), call.talk_s === undefined ? null : duration(call.talk_s)), group(t('cause'), cause), group(t('quality'), media.join('; ') || null)),
    el('h2', {}, t('timeline')),
    detail.events_incomplete ? el('p', { class: 'muted' }, t('incomplete')) : '',
    ladder(events),
  );
  if (!$('detail').open) $('detail').showModal();
}

// ---- light, dark, language, clockwork ---------------------------------------------------------------------------

function theme(choice) {
  document.documentElement.dataset.theme = choice;
}
theme(localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
$('theme').addEventListener('click', () => {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  localStorage.setItem('theme', next);
  theme(next);
});
$('lang').addEventListener('click', () => {
  switchLanguage();
  if (state.source?.readyState === EventSource.OPEN) pill($('link'), t('live'), 'good');
  state.dirty = true;
  refresh();
});

translate();
setInterval(draw, 250);
setInterval(() => { if (state.dirty) refresh(); }, 500);
// Durations move and a lost connection is noticed even when nothing happens.
setInterval(() => {
  const rate = state.count - state.seen;
  state.seen = state.count;
  $('rate').textContent = rate ? `${rate}${t('persecond')}` : '';
}, 1000);
setInterval(() => { state.dirty = true; }, 2000);
begin();
