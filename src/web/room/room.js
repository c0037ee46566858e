'use strict';
(() => {
  // Mirrors web::room::show, which wrote the page as it came: what is said here is said there.
  const el = id => document.getElementById(id);
  const main = el('room');
  const texts = JSON.parse(el('texts').textContent);
  const { event, onward, name: title, lang } = main.dataset;
  const kept = main.dataset.kept ? '&' + main.dataset.kept : '';
  const api = '/v1/events/' + event + '/queue';
  const door = '/room/' + event;
  const BACK_OFF_MS = [1000, 30000], PATIENCE_MS = 10000, SPEAK_MS = 60000, SLICE_MS = 20, PROOFS_MAX = 3;

  const fill = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const number = n => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
  const time = at => new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
  const clockTime = at => new Intl.DateTimeFormat(lang, { timeStyle: 'short' }).format(at);
  const put = (id, text) => { if (el(id).textContent !== text) el(id).textContent = text; };
  const show = (id, seen) => { el(id).hidden = !seen; };

  // --- What a place looks like ---

  function wait(eta) {
    if (!eta) return texts.not_known;
    const low = Math.floor(eta.low / 60), high = Math.ceil(eta.high / 60);
    if (high <= 1) return texts.under_minute;
    if (low >= 60 && high >= 120) return fill('hours', { low: Math.floor(low / 60), high: Math.ceil(high / 60) });
    return low === 0 || low === high ? fill('up_to_minutes', { high }) : fill('minutes', { low, high });
  }

  function note(p) {
    if (p.room === 'recovering') return texts.note_recovering;
    if (p.state !== 'waiting' && p.state !== 'scheduled') return '';
    if (p.room === 'paused') return texts.note_paused;
    if (p.room === 'sold_out') return texts.note_sold_out;
    if (p.seats_left === 0) return texts.note_held;
    return p.room === 'drain' ? texts.note_drain : '';
  }

  function sentence(p) {
    if (p.state === 'scheduled') {
      return p.opens_at ? fill('scheduled_text', { time: time(new Date(p.opens_at)) }) : texts.scheduled_soon;
    }
    if (p.state === 'admitted') return fill('admitted_text', { time: clockTime(Date.now() + p.expires_in_s * 1000) });
    return texts[p.state + '_text'];
  }

  // How far along: from the first position this browser saw, which it remembers over a refresh.
  function along(p) {
    if (p.ahead === null) return null;
    const key = 'stanchion:' + event;
    let from = null;
    try { from = JSON.parse(localStorage.getItem(key)); } catch { /* Storage is off: the bar starts anew. */ }
    if (!from || from.visitor !== p.visitor || from.ahead < p.ahead) {
      from = along.from && along.from.visitor === p.visitor ? along.from : { visitor: p.visitor, ahead: p.ahead };
      try { localStorage.setItem(key, JSON.stringify(from)); } catch { /* As above. */ }
    }
    along.from = from;
    return Math.max(0, 1 - p.ahead / Math.max(from.ahead, 1));
  }

  let last = null;
  function render(p) {
    const waits = p.state === 'waiting', inside = p.state === 'admitted', early = p.state === 'scheduled';
    const over = p.state === 'done' || p.state === 'closed';
    main.dataset.state = p.state;
    main.dataset.room = p.room;
    put('headline', texts[p.state + '_head']);
    put('sentence', sentence(p));
    const word = note(p);
    put('note', word);
    show('note', word);
    show('network', false);
    show('place', waits);
    put('position', p.position === null ? texts.unknown : number(p.position));
    const part = waits ? along(p) : null;
    show('rope', part !== null);
    if (part !== null) el('bar').value = part;
    show('facts', waits);
    put('ahead', p.ahead === null ? texts.unknown : number(p.ahead));
    put('behind', p.behind === null ? texts.unknown : number(p.behind));
    put('wait', wait(p.eta_s));
    show('left-fact', p.seats_left !== null);
    put('left', p.seats_left === null ? texts.unknown : number(p.seats_left));
    show('go', inside && onward);
    show('enter', p.state === 'done');
    show('leave', !over);
    put('leave-button', inside ? texts.give_back : texts.leave);
    show('tell', waits || early);
    show('keep', waits || early);
    document.title = (inside ? texts.title_admitted + ' ' : waits && p.ahead !== null
      ? fill('title_waiting', { n: number(p.ahead) }) + ' · ' : '') + title;
    speak(p, part, word);
    if (inside && last && last !== 'admitted') yourTurn();
    last = p.state;
  }

  // --- Who listens instead of looking ---

  const said = { what: null, tenth: null, at: -SPEAK_MS };
  function speak(p, part, word) {
    const what = p.state + p.room, tenth = part === null ? null : Math.floor(part * 10);
    const news = what !== said.what, now = performance.now();
    const moved = p.ahead !== said.ahead && (tenth !== said.tenth || now - said.at >= SPEAK_MS);
    if (!news && !moved) return;
    Object.assign(said, { what, tenth, at: now, ahead: p.ahead });
    const place = p.ahead === null ? '' : fill('say_waiting', { n: number(p.ahead) });
    put('status', [texts[p.state + '_head'], place, word].filter(Boolean).join(' '));
  }

  let sound = null;
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

  function yourTurn() {
    (onward ? el('go') : el('headline')).focus();
    if (!sound) return;
    beep([660, 880, 1320]);
    if (window.Notification && Notification.permission === 'granted') {
      // Some phones only allow it to service workers; the sound and the title are left.
      try { new Notification(texts.admitted_head, { body: title, tag: event }); } catch { /* See above. */ }
    }
  }

  el('tell').addEventListener('click', () => {
    if (sound) {
      sound.close();
      sound = null;
    } else if (window.AudioContext) {
      // Asked for by a press, which is what browsers want before they let a page be heard.
      sound = new AudioContext();
      beep([660]);
      if (window.Notification && Notification.permission === 'default') Notification.requestPermission();
    }
    el('tell').setAttribute('aria-pressed', String(Boolean(sound)));
  });

  el('enter').addEventListener('submit', e => {
    e.preventDefault();
    mustEnter = true;
    later(0);
  });

  // The form's answer is the page that tells of it. To ask meanwhile would be to hear that the place is gone,
  // and to go where that is told instead; should that page not come, this one lives on.
  el('leave').addEventListener('submit', e => {
    if (!confirm(texts.leave_sure)) return e.preventDefault();
    leaving = Date.now() + PATIENCE_MS;
    asking?.abort();
    later(0);
  });

  // --- A proof of work, when the door asks for one ---

  // SHA-256 (FIPS 180-4) of one text with many endings. Here because crypto.subtle, a promise a digest, is ten
  // times slower, and is not there at all without https.
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

  // A nonce that solves the challenge. In slices, so that the page stays alive; by messages, which browsers do
  // not slow down as they do timers.
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
        // At most 24 bits are ever asked for: they are all in the first word.
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
    // Where the door wants more each time, it is left alone for a while.
    if (++proofs > PROOFS_MAX) failed();
    else later(0);
  }

  // --- Asking ---

  // Nothing is asked before `leaving`, a time; 0: the visitor stays.
  let timer = 0, asking = null, failures = 0, mustEnter = 'auto' in main.dataset, due = 0, leaving = 0;
  const later = ms => {
    clearTimeout(timer);
    due = Math.max(Date.now() + ms, leaving);
    timer = setTimeout(ask, due - Date.now());
  };

  function failed(retryAfter) {
    const [least, most] = BACK_OFF_MS;
    const ms = Math.max(Math.min(most, least * 2 ** failures++) * (0.5 + Math.random() / 2), (retryAfter || 0) * 1000);
    // One lost answer is nothing to tell people about.
    if (failures > 1) show('network', true);
    later(ms);
  }

  async function ask() {
    // A page nobody has looked at yet (a preview, a tab opened behind) takes no place.
    if (asking || (mustEnter && (document.prerendering || document.hidden))) return;
    const stop = asking = new AbortController(), limit = setTimeout(() => stop.abort(), PATIENCE_MS);
    const enters = mustEnter;
    try {
      const enter = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ proof }) };
      const answer = await fetch(api, { ...(enters ? enter : {}), cache: 'no-store', signal: stop.signal });
      if (answer.ok) {
        const place = await answer.json();
        // Pressed while a poll was under way, the button has yet to be obeyed.
        mustEnter = mustEnter && !enters;
        proof = null;
        failures = proofs = leaving = 0;
        render(place);
        if (mustEnter) later(0);
        else if (place.state !== 'done' && place.state !== 'closed') later(place.poll_after_ms);
      } else if (answer.status === 429 || answer.status >= 500) {
        failed(Number(answer.headers.get('retry-after')));
      } else if (enters && answer.status === 403) {
        const problem = await answer.json();
        if (problem.challenge) await prove(problem);
        else location.replace(door + '?again' + kept);
      } else {
        // No such place, or a closed door: the page says which. It does not enter by itself again.
        location.replace(door + (leaving ? '?left' : '?again') + kept);
      }
    } catch {
      failed();
    } finally {
      clearTimeout(limit);
      asking = null;
    }
  }

  // Back from sleep, from another tab or from no network: ask now, unless it was asked just before.
  const wake = () => { if (!document.hidden && (timer || mustEnter) && (failures || mustEnter || Date.now() > due)) later(0); };
  document.addEventListener('visibilitychange', wake);
  document.addEventListener('prerenderingchange', wake);
  window.addEventListener('online', wake);
  window.addEventListener('pageshow', e => { if (e.persisted) location.reload(); });
  if (mustEnter || 'poll' in main.dataset) later(0);
})();
