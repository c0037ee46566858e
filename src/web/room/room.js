'use strict';
(() => {
  // This script mirrors web::room, which wrote the page. Both must say the same.
  const el = id => document.getElementById(id);
  const main = el('room');
  const texts = JSON.parse(el('texts').textContent);
  const { event, onward, name: title, lang, zone } = main.dataset;
  const flag = name => name in main.dataset;
  const kept = main.dataset.kept ? '&' + main.dataset.kept : '';
  const api = '/v1/events/' + event + '/queue';
  const door = '/room/' + event;
  const BACK_OFF_MS = [1000, 30000], PATIENCE_MS = 10000, SPEAK_MS = 30000, SLICE_MS = 20, PROOFS_MAX = 3;
  const WARN_S = 60, GO_ON_S = 10, STREAM_POLL_MS = 60000, DRAW_MS = 10000, SHUT_MS = 60000;

  const fill = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
  const number = n => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
  const date = (at, timeZone) => new Intl.DateTimeFormat(lang, {
    timeZone, year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
  }).format(new Date(at));
  const clock = (at, second) => new Intl.DateTimeFormat(lang, { hour: 'numeric', minute: '2-digit', second })
    .format(new Date(at));
  const put = (id, text) => { if (el(id).textContent !== text) el(id).textContent = text; };
  const show = (id, seen) => { el(id).hidden = !seen; };

  // What this browser remembers. Where the browser stores nothing, the page remembers it while it is open.
  const memory = {};
  function recall(key, store = 'localStorage') {
    try { return JSON.parse(window[store].getItem(key)) ?? memory[key]; } catch { return memory[key]; }
  }
  function remember(key, value, store = 'localStorage') {
    memory[key] = value;
    try { window[store].setItem(key, JSON.stringify(value)); } catch { /* Storage is off. */ }
  }
  const PLACE = 'stanchion:' + event, TELL = 'stanchion:tell:' + event, STAY = 'stanchion:stay:' + event;

  // The server's time: this device's clock may be wrong.
  let drift = 0;
  const now = () => Date.now() + drift;

  // --- What a place looks like ---

  function span(ms) {
    const s = Math.max(0, Math.ceil(ms / 1000)), two = n => String(n).padStart(2, '0');
    const days = Math.floor(s / 86400), hours = Math.floor(s / 3600) % 24, minutes = Math.floor(s / 60) % 60;
    const rest = hours ? hours + ':' + two(minutes) + ':' + two(s % 60) : minutes + ':' + two(s % 60);
    return days ? fill('days', { n: number(days), rest }) : rest;
  }

  function wait(eta) {
    if (!eta) return texts.not_known;
    const low = Math.floor(eta.low / 60), high = Math.ceil(eta.high / 60);
    if (high <= 1) return texts.under_minute;
    if (low >= 60 && high >= 120) return fill('hours', { low: Math.floor(low / 60), high: Math.ceil(high / 60) });
    return low === 0 || low === high ? fill('up_to_minutes', { high }) : fill('minutes', { low, high });
  }

  // The keys of the headline and of the sentence below it, and the time in it.
  function words(p) {
    const called = p.called_at && clock(p.called_at);
    if (p.state === 'scheduled') return flag('lottery') ? ['lottery_head', 'lottery_text'] : ['scheduled_head', 'scheduled_text'];
    if (p.state === 'admitted') return ['admitted_head', called ? 'admitted_called' : 'admitted_text', called];
    if (p.state === 'closed') return closed(p);
    if (p.state === 'done') {
      const mine = recall(PLACE);
      if (mine?.visitor !== p.visitor) return ['done_head', called ? 'done_called' : 'done_text', called];
      if (mine.inside) return ['done_head', 'done_ended'];
      // This browser has the place and was never inside, so nobody was there when it was called. This does not follow
      // where a place belongs to a person, who may have been inside in another browser.
      return ['done_head', !called ? 'done_text' : flag('person') ? 'done_called' : 'done_away', called];
    }
    if (p.room === 'recovering') return ['recovering_head', 'recovering_text'];
    if (p.late) return ['late_head', called ? 'late_text' : 'late_unknown', called];
    if (p.room === 'paused') return ['paused_head', 'paused_text'];
    if (p.room === 'sold_out') return ['sold_out_head', 'sold_out_text'];
    if (p.seats_left === 0) return ['held_head', 'held_text'];
    if (p.ahead === 0) return ['next_head', 'next_text'];
    if (p.room === 'drain') return ['waiting_head', 'drain_text'];
    return ['waiting_head', flag('lottery') ? 'waiting_lottery' : 'waiting_text'];
  }

  function closed(p) {
    if (p.closes_at && Date.parse(p.closes_at) <= now()) return ['over_head', 'over_text', date(p.closes_at)];
    if (p.opens_at && Date.parse(p.opens_at) > now()) return ['closed_head', 'closed_until', date(p.opens_at)];
    return ['closed_head', 'closed_text'];
  }

  // How far the visitor has come since the first position that this browser saw. The browser remembers that position
  // over a refresh.
  function along(p) {
    const before = recall(PLACE);
    const same = before?.visitor === p.visitor;
    const from = same && before.ahead >= p.ahead ? before.ahead : p.ahead;
    if (p.ahead !== null || p.state === 'admitted') {
      const inside = p.state === 'admitted' || Boolean(same && before.inside);
      remember(PLACE, { visitor: p.visitor, ahead: p.ahead === null ? before?.ahead ?? 0 : from, inside });
    }
    const moves = (p.room === 'open' || p.room === 'drain') && p.seats_left !== 0 && !p.late;
    return p.ahead === null || !moves ? null : Math.max(0, 1 - p.ahead / Math.max(from, 1));
  }

  // Reserves the height of the longest words that may be shown while somebody waits, so that nothing below ever jumps.
  const LINE = ['waiting', 'next', 'paused', 'recovering', 'sold_out', 'held'];
  let reserved = '';
  function reserve(seen) {
    const box = el('words'), want = seen ? String(box.clientWidth) + getComputedStyle(box).fontSize : '';
    if (reserved === want) return;
    reserved = want;
    box.style.minHeight = '';
    if (!seen) return;
    const tried = document.createElement('div'), heights = [];
    tried.className = 'tried';
    tried.style.width = box.clientWidth + 'px';
    tried.append(document.createElement('h1'), document.createElement('p'));
    main.append(tried);
    for (const key of LINE) {
      tried.firstChild.textContent = texts[key + '_head'];
      const usual = key === 'waiting' && flag('lottery') ? 'waiting_lottery' : key + '_text';
      for (const text of key === 'waiting' ? [usual, 'drain_text'] : [usual]) {
        tried.lastChild.textContent = texts[text];
        heights.push(tried.getBoundingClientRect().height);
      }
    }
    tried.remove();
    box.style.minHeight = Math.ceil(Math.max(...heights)) + 'px';
  }

  let last = null;
  function render(p) {
    const waits = p.state === 'waiting', inside = p.state === 'admitted', early = p.state === 'scheduled';
    const was = last;
    last = p;
    drift = Date.parse(p.server_time) - Date.now();
    main.dataset.state = p.state;
    main.dataset.room = p.room;
    const [head, key, at] = words(p), sentence = fill(key, { time: at });
    put('headline', texts[head]);
    put('sentence', sentence);
    reserve(waits);
    show('network', false);
    show('place', waits);
    put('position', p.position === null ? texts.unknown : number(p.position));
    const part = along(p);
    show('rope', waits);
    el('rope').classList.toggle('still', part === null);
    if (part !== null) el('bar').value = part;
    show('facts', waits || early);
    for (const id of ['ahead', 'behind', 'wait']) show(id + '-fact', waits);
    put('ahead', p.ahead === null ? texts.unknown : number(p.ahead));
    put('behind', p.behind === null ? texts.unknown : number(p.behind));
    put('wait', wait(p.eta_s));
    show('waiting-fact', early);
    put('waiting', p.waiting === null ? texts.unknown : number(p.waiting));
    show('left-fact', p.seats_left !== null);
    put('left', p.seats_left === null ? texts.unknown : number(p.seats_left));
    opening(p, early);
    show('go', inside && onward);
    show('nowhere', inside && !onward);
    show('enter', p.state === 'done' && p.room !== 'closed' && p.room !== 'drain');
    show('out', waits || early || inside);
    if (was && was.state !== p.state) el('out').open = false;
    put('leave-name', inside ? texts.give_back : texts.leave);
    const sure = inside ? 'give_back_sure' : 'leave_sure';
    put('leave-sure', texts[p.room === 'drain' ? sure + '_drain' : sure]);
    put('leave-button', inside ? texts.give_back_yes : texts.leave_yes);
    show('tell', (waits || early) && canTell);
    show('keep', (waits || early) && !p.late);
    put('updated', fill('updated', { time: clock(now(), '2-digit') }));
    show('updated', true);
    document.title = (inside ? texts.title_admitted + ' ' : waits && p.ahead !== null
      ? fill('title_waiting', { n: number(p.ahead) }) + ' · ' : '') + title;
    speak(p, part, head, waits && key.startsWith('waiting') && p.ahead !== null
      ? fill('say_waiting', { n: number(p.ahead) }) : inside && !onward ? sentence + ' ' + texts.nowhere : sentence);
    if (inside && (!was || was.state !== 'admitted')) turn(p, was);
    if (el('draw') && (was ? was.state !== p.state : !el('draw-visitor'))) setTimeout(drawn, was ? DRAW_MS * Math.random() : 0);
    tick();
    listen();
  }

  // Shows the opening in the event's time zone, as the server wrote it. Shows it in the visitor's time zone too, where
  // that differs.
  function opening(p, early) {
    const own = p.opens_at && date(p.opens_at);
    if (p.opens_at && opening.at && opening.at !== p.opens_at) put('opens', date(p.opens_at, zone));
    opening.at = p.opens_at;
    show('opens-fact', early && p.opens_at);
    const same = () => date(p.opens_at, zone) === own;
    show('own-fact', early && p.opens_at && !same());
    if (own) put('own', own);
  }

  // Brings the draw's section up to date. Until the seed is published, it is fetched again and again; before the
  // opening once is enough.
  async function drawn() {
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const found = page.getElementById('draw');
      if (found) el('draw').replaceChildren(...found.childNodes);
      if (page.getElementById('draw-seed') || last.state === 'scheduled') return;
    } catch { /* Asked again, as when there is nothing new. */ }
    setTimeout(drawn, DRAW_MS * (0.5 + Math.random()));
  }

  // --- What is counted down ---

  let going = 0, warned = false, over = false;
  function tick() {
    if (!last) return;
    const inside = last.state === 'admitted';
    const until = Date.parse(last.state === 'scheduled' ? last.opens_at : inside ? last.expires_at : NaN);
    const left = until - now();
    show('clock', until);
    if (until) {
      put('clock-name', inside ? texts.clock_left : texts.clock_opens);
      put('clock-left', span(left));
    }
    const ends = inside && left < WARN_S * 1000;
    const note = ends ? texts.note_ending : last.state !== 'done' || last.room === 'closed' ? ''
      : last.room === 'drain' ? texts.drain_door : texts.note_again;
    put('note', note);
    show('note', note);
    if (ends && !warned) {
      put('status', texts.note_ending);
      if (sound) beep([880, 660]);
    }
    warned = ends;
    if (inside && left <= 0 && !over) later(0);
    over = inside && left <= 0;
    show('going', inside && going);
    show('stay', inside && going);
    if (inside && going) put('going', fill('going', { n: going }));
  }

  setInterval(() => {
    // Visitors are not sent on while they do not look, or while they are asked whether to give the place back.
    const goes = going && last.state === 'admitted' && !document.hidden && !el('out').open;
    if (goes) going -= 1;
    tick();
    if (goes && !going) location.assign(onward);
  }, 1000);

  el('stay').addEventListener('click', () => {
    going = 0;
    remember(STAY, last.visitor, 'sessionStorage');
    tick();
    el('go').focus();
  });

  // --- For visitors who listen instead of looking ---

  // News is said at once. Mere steps forward are said at each tenth of the way, and at least SPEAK_MS apart.
  const said = { what: null, tenth: 0, at: 0 };
  function speak(p, part, head, text) {
    const at = performance.now(), tenth = part === null ? 0 : Math.floor(part * 10);
    const what = p.state + head;
    if (what !== said.what) {
      Object.assign(said, { what, tenth, at });
      put('status', texts[head] + ' ' + text);
    } else if (p.state === 'waiting' && tenth > said.tenth && at - said.at >= SPEAK_MS) {
      Object.assign(said, { tenth, at });
      put('status', text);
    }
  }

  const canTell = Boolean(window.AudioContext || window.Notification);
  let tells = recall(TELL) === true, sound = null;
  function beep(notes) {
    notes.forEach((hertz, i) => {
      const tone = sound.createOscillator(), loud = sound.createGain(), at = sound.currentTime + i * 0.18;
      tone.frequency.value = hertz;
      loud.gain.setValueAtTime(0.15, at);
      loud.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
      tone.connect(loud).connect(sound.destination);
      tone.start(at);
      tone.stop(at + 0.4);
    });
  }

  // Browsers want a press before a page may make sounds, and another one after a refresh.
  function hear() {
    if (!tells || sound || !window.AudioContext) return;
    sound = new AudioContext();
    sound.addEventListener('statechange', tellTells);
    sound.resume();
    beep([660]);
  }

  function tellTells() {
    const heard = !window.AudioContext || sound?.state === 'running';
    put('tell', tells ? heard ? texts.tell_on : texts.tell_touch : texts.tell);
    el('tell').setAttribute('aria-pressed', String(tells));
  }

  el('tell').addEventListener('click', () => {
    tells = !tells;
    remember(TELL, tells);
    if (tells) {
      hear();
      if (window.Notification?.permission === 'default') Notification.requestPermission();
    } else {
      sound?.close();
      sound = null;
    }
    tellTells();
  });
  document.addEventListener('click', hear);
  document.addEventListener('keydown', hear);

  function turn(p, was) {
    going = onward && !flag('stays') && recall(STAY, 'sessionStorage') !== p.visitor ? GO_ON_S : 0;
    if (was) (onward ? el('go') : el('headline')).focus();
    if (!was || !tells) return;
    if (sound) beep([660, 880, 1320]);
    if (window.Notification?.permission === 'granted') {
      // Some phones allow notifications only to service workers; the sound and the title remain.
      try { new Notification(texts.admitted_head, { body: title, tag: event }); } catch { /* See above. */ }
    }
  }

  el('enter').addEventListener('submit', e => {
    e.preventDefault();
    mustEnter = true;
    later(0);
  });

  // The form's answer is a page that says that the visitor has left. A poll meanwhile would find the place gone and go
  // to another page, so no poll is sent. If the answer does not come within PATIENCE_MS, this page goes on.
  el('leave').addEventListener('submit', () => {
    leaving = Date.now() + PATIENCE_MS;
    asking?.abort();
    stream?.close();
    stream = null;
    later(0);
  });

  // --- A proof of work, when the door asks for one ---

  // SHA-256 (FIPS 180-4) of one text with many endings. It is written here because crypto.subtle, which makes a promise
  // for each digest, is ten times slower, and does not exist at all without https.
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every(p => n % p)) primes.push(n);
  const fraction = (n, root) => Math.floor((n ** (1 / root) % 1) * 2 ** 32) | 0;
  const K = primes.map(n => fraction(n, 3)), START = primes.slice(0, 8).map(n => fraction(n, 2));
  const w = new Int32Array(64);
  function compress(state, bytes, from) {
    for (let i = 0; i < 16; i++) {
      const at = from + 4 * i;
      w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + w[i - 7]
        + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
      const one = h + s + (e & f ^ ~e & g) + K[i] + w[i] | 0;
      const two = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c);
      h = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
    }
    return [a, b, c, d, e, f, g, h].map((x, i) => x + state[i] | 0);
  }

  // Finds a nonce that solves the challenge. It works in slices, so that the page stays alive. Messages start the
  // slices, because browsers slow timers down, but not messages.
  function solve({ challenge, bits }) {
    const head = challenge + '.', whole = head.length - head.length % 64, over = head.length - whole;
    const bytes = new TextEncoder().encode(head);
    let start = START, n = 0;
    for (let at = 0; at < whole; at += 64) start = compress(start, bytes, at);
    const firstWord = nonce => {
      const length = over + nonce.length, tail = new Uint8Array(length < 56 ? 64 : 128);
      tail.set(bytes.subarray(whole));
      for (let i = 0; i < nonce.length; i++) tail[over + i] = nonce.charCodeAt(i);
      tail[length] = 128;
      new DataView(tail.buffer).setUint32(tail.length - 4, (whole + length) * 8);
      let state = start;
      for (let at = 0; at < tail.length; at += 64) state = compress(state, tail, at);
      return state[0];
    };
    return new Promise(done => {
      const turns = new MessageChannel();
      turns.port1.onmessage = () => {
        const until = performance.now() + SLICE_MS;
        // At most 24 zero bits are ever asked for. They are all in the first word.
        for (; performance.now() < until; n++) {
          if (Math.clz32(firstWord(String(n))) < bits) continue;
          turns.port1.close();
          done({ challenge, nonce: String(n) });
          return;
        }
        turns.port2.postMessage(0);
      };
      turns.port2.postMessage(0);
    });
  }

  let proof = null, proofs = 0;
  async function prove(problem) {
    main.dataset.state = 'checking';
    put('headline', texts.checking_head);
    put('sentence', texts.checking_text);
    put('status', texts.checking_head);
    show('network', false);
    show('enter', false);
    proof = await solve(problem);
    // If the door asks for one proof after another, the page pauses as after a failure.
    if (++proofs > PROOFS_MAX) failed();
    else later(0);
  }

  // --- Asking ---

  // Nothing is asked before the time `leaving`. 0: the visitor is not leaving.
  let timer = 0, asking = null, failures = 0, mustEnter = flag('auto'), due = 0, leaving = 0;
  // The token of the place just taken, until a poll has shown that the browser keeps it.
  let taken = null;
  const later = ms => {
    clearTimeout(timer);
    due = Math.max(Date.now() + ms, leaving);
    timer = setTimeout(ask, due - Date.now());
  };

  function failed(retryAfter) {
    const [least, most] = BACK_OFF_MS;
    const ms = Math.max(Math.min(most, least * 2 ** failures++) * (0.5 + Math.random() / 2), (retryAfter || 0) * 1000);
    // One lost answer is nothing to tell people about.
    if (failures > 1) {
      show('network', true);
      if (failures === 2) put('status', texts.note_network);
    }
    later(ms);
  }

  // Goes to the page that says what is wrong. That page does not enter by itself.
  const tellAtDoor = what => location.replace(door + '?' + what + kept);

  function keepsCookies() {
    const probe = 'stanchion_probe=1';
    document.cookie = probe + '; path=/room; samesite=lax';
    const kept = document.cookie.includes(probe);
    document.cookie = probe + '; path=/room; max-age=0';
    return kept;
  }

  async function ask() {
    // A page nobody has looked at yet (a preview, a tab opened behind) takes no place.
    if (asking || (mustEnter && (document.prerendering || document.hidden))) return;
    if (mustEnter && !keepsCookies()) return tellAtDoor('cookies');
    const stop = asking = new AbortController(), limit = setTimeout(() => stop.abort(), PATIENCE_MS);
    const enters = mustEnter;
    try {
      const post = body => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      const answer = await fetch(api, { ...(enters ? post({ proof }) : {}), cache: 'no-store', signal: stop.signal });
      if (answer.ok) {
        const place = await answer.json();
        // If the button was pressed while a poll was under way, the visitor has yet to enter.
        mustEnter = mustEnter && !enters;
        taken = enters ? place.token : null;
        proof = null;
        failures = proofs = leaving = 0;
        render(place);
        if (mustEnter) later(0);
        else if (place.state !== 'done') later(Math.max(place.poll_after_ms, stream ? STREAM_POLL_MS : 0));
      } else if (answer.status === 429 || answer.status >= 500) {
        failed(Number(answer.headers.get('retry-after')));
      } else if (enters && answer.status === 403) {
        const problem = await answer.json();
        if (problem.challenge) await prove(problem);
        else tellAtDoor('again');
      } else if (taken && answer.status === 401) {
        // The browser has not kept its cookie: give the place back, since nobody would ever come for it.
        await fetch(api + '/leave', { ...post({ token: taken }), signal: stop.signal });
        tellAtDoor('cookies');
      } else {
        tellAtDoor(leaving ? 'left' : answer.status === 401 && !enters ? 'gone' : 'again');
      }
    } catch {
      failed();
    } finally {
      clearTimeout(limit);
      asking = null;
    }
  }

  // Browsers run a hidden page's timers once a minute or less, too seldom to keep a place. But they let a stream's
  // messages through, and while the stream is open the server sees the visitor. Polls go on, less often.
  let stream = null;
  function listen() {
    const wanted = document.hidden && (last?.state === 'waiting' || last?.state === 'scheduled') && !leaving;
    if (!wanted || !window.EventSource) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      const opened = stream = new EventSource(api + '/stream');
      opened.addEventListener('message', e => {
        if (stream !== opened) return;
        const place = JSON.parse(e.data);
        // A change to another state comes with a cookie, which only a poll brings.
        if (place.state === 'waiting' || place.state === 'scheduled') render(place);
        else ask();
      });
      opened.addEventListener('error', () => {
        if (stream !== opened || opened.readyState !== EventSource.CLOSED) return;
        stream = null;
        later(last.poll_after_ms);
      });
    }
  }

  // Back from sleep, from another tab or from no network: ask now, unless the page has just asked.
  const wake = () => {
    const streamed = Boolean(stream);
    listen();
    const news = failures || mustEnter || streamed || Date.now() > due;
    if (!document.hidden && (timer || mustEnter) && news) later(0);
  };
  document.addEventListener('visibilitychange', wake);
  document.addEventListener('prerenderingchange', wake);
  window.addEventListener('online', wake);
  window.addEventListener('resize', () => { if (last) reserve(last.state === 'waiting'); });
  window.addEventListener('pageshow', e => { if (e.persisted) location.reload(); });
  // This visitor has left: if they join again, the new place has no history in this browser.
  // The room may open later. So a page that shows a shut door is loaded again after a minute.
  if (flag('shut')) {
    const look = () => location.replace(location.pathname + (kept && '?' + kept.slice(1)));
    setTimeout(() => {
      if (document.hidden) document.addEventListener('visibilitychange', look, { once: true });
      else look();
    }, SHUT_MS * (1 + Math.random() / 4));
  }
  if (flag('left')) remember(PLACE, null);
  tellTells();
  if (mustEnter || flag('poll')) later(0);
})();
