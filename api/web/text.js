// Words in two languages. `t('calls')` gives the current one's.
const words = {
  en: {
    skip: 'Skip to content', tenant: 'Tenant', theme: 'Light or dark', signin: 'Sign in', signout: 'Sign out', token: 'Admin token',
    signinhelp: 'Open the link that the server printed at its start, or enter the admin token (file admin-token in the data folder).',
    used: 'That link was used already or is too old.', wrong: 'That token is not right.', slow: 'Too many attempts. Wait a minute.',
    calls: 'Live calls', events: 'Events', history: 'Recent calls', trunks: 'Trunks', registrations: 'Registrations', pause: 'Pause', go: 'Go on',
    close: 'Close', phones: 'Phones registered', trunksup: 'Trunks up', talking: 'Talking', callsnow: 'Calls now', kafka: 'Kafka', off: 'off',
    ok: 'in step', behind: 'behind', away: 'away', lag: 'View lag', ready: 'Ready', notready: 'Not ready', live: 'Live', offline: 'Connection lost',
    nocalls: 'Nobody is calling at the moment.', nohistory: 'No calls yet.', notrunks: 'No trunks set up.', noregs: 'No phone is registered.',
    caller: 'Caller', called: 'Called', legs: 'Legs', since: 'Since', name: 'Name', host: 'Host', state: 'State', user: 'User', contact: 'Contact', expires: 'Expires',
    when: 'When', result: 'Result', talk: 'Talk', call: 'Call', began: 'Began', answered: 'Answered', ended: 'Ended', cause: 'Cause', timeline: 'What happened',
    quality: 'Media', from: 'From', yes: 'yes', no: 'no', up: 'up', ringing: 'ringing', trying: 'trying', releasing: 'ending', held: 'on hold', down: 'down', unknown: 'unknown',
    notenants: 'There is no tenant yet: tandem tenant add NAME', codec: 'Codec', lost: 'lost', jitter: 'jitter', more: 'and more', incomplete: 'Older events are no longer in the log.',
    persecond: '/s', noanswer: 'not answered', trunkup: 'up', agents: 'Agents', agent: 'Agent', queues: 'Queues', queue: 'Queue', waiting: 'Waiting', free: 'Free / signed in',
    incalls: 'In calls', callstaken: 'Calls', not_ready: 'busy', rest: 'resting', wrap_up: 'wrap-up', in_call: 'in a call', signedout: 'signed out', supervisor: 'supervisor',
    noagents: 'No agents yet: tandem agent add', noqueues: 'No queues yet: tandem queue add NAME',
  },
  'zh-CN': {
    skip: '跳到正文', tenant: '租户', theme: '浅色或深色', signin: '登录', signout: '退出登录', token: '管理令牌',
    signinhelp: '请打开服务器启动时打印的链接，或输入管理令牌（数据目录中的 admin-token 文件）。',
    used: '该链接已被使用或已过期。', wrong: '令牌不正确。', slow: '尝试次数过多，请稍等一分钟。',
    calls: '当前通话', events: '事件', history: '最近通话', trunks: '中继', registrations: '注册', pause: '暂停', go: '继续',
    close: '关闭', phones: '已注册话机', trunksup: '可用中继', talking: '通话中', callsnow: '当前呼叫', kafka: 'Kafka', off: '未启用',
    ok: '同步', behind: '落后', away: '断开', lag: '视图延迟', ready: '就绪', notready: '未就绪', live: '实时', offline: '连接中断',
    nocalls: '目前没有通话。', nohistory: '还没有通话记录。', notrunks: '尚未配置中继。', noregs: '没有已注册的话机。',
    caller: '主叫', called: '被叫', legs: '通话方', since: '时长', name: '名称', host: '主机', state: '状态', user: '用户', contact: '地址', expires: '到期',
    when: '时间', result: '结果', talk: '通话时长', call: '通话', began: '开始', answered: '应答', ended: '结束', cause: '原因', timeline: '过程',
    quality: '媒体', from: '来源', yes: '是', no: '否', up: '接通', ringing: '振铃', trying: '呼叫中', releasing: '结束中', held: '保持', down: '中断', unknown: '未知',
    notenants: '还没有租户：tandem tenant add 名称', codec: '编码', lost: '丢包', jitter: '抖动', more: '等更多', incomplete: '更早的事件已不在日志中。',
    persecond: '/秒', noanswer: '未应答', trunkup: '正常', agents: '座席', agent: '座席', queues: '队列', queue: '队列', waiting: '等待中', free: '空闲 / 已签入',
    incalls: '通话中', callstaken: '接听数', not_ready: '示忙', rest: '休息', wrap_up: '整理', in_call: '通话', signedout: '未签入', supervisor: '班长',
    noagents: '还没有座席：tandem agent add', noqueues: '还没有队列：tandem queue add 名称',
  },
};

let lang = localStorage.getItem('lang') ?? (navigator.language.startsWith('zh') ? 'zh-CN' : 'en');

export const language = () => lang;
export const t = (key) => words[lang][key] ?? words.en[key] ?? key;

export function translate() {
  document.documentElement.lang = lang;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
  document.getElementById('lang').textContent = lang === 'en' ? '中文' : 'English';
}

export function switchLanguage() {
  lang = lang === 'en' ? 'zh-CN' : 'en';
  localStorage.setItem('lang', lang);
  translate();
}
