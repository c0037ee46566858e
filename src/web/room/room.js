'use strict';
(() => {
  // Mirrors web::room::show, which wrote the page as it came: what is said here is said there.
  const el = id => document.getElementById(id);
  const main = el('room');
  const texts = JSON.parse(el('texts').textContent);
  const { event, shop, name: title, lang } = main.dataset;
  const api = '/v1/events/' + event + '/queue';
  const door = '/room/' + event;
  const BACK_OFF_MS = [1000, 30000], PATIENCE_MS = 10000, SPEAK_MS = 60000;

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
    show('go', inside && shop);
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
    (shop ? el('go') : el('headline')).focus();
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

  el('leave').addEventListener('submit', e => { if (!confirm(texts.leave_sure)) e.preventDefault(); });

  // --- Asking ---

  let timer = 0, asking = false, failures = 0, mustEnter = 'auto' in main.dataset, due = 0;
  const later = ms => {
    clearTimeout(timer);
    due = Date.now() + ms;
    timer = setTimeout(ask, ms);
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
    asking = true;
    const stop = new AbortController(), limit = setTimeout(() => stop.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(api, { method: mustEnter ? 'POST' : 'GET', cache: 'no-store', signal: stop.signal });
      if (answer.ok) {
        const place = await answer.json();
        mustEnter = false;
        failures = 0;
        render(place);
        if (place.state !== 'done' && place.state !== 'closed') later(place.poll_after_ms);
      } else if (answer.status === 429 || answer.status >= 500) {
        failed(Number(answer.headers.get('retry-after')));
      } else {
        // No such place, or a closed door: the page says which. It does not enter by itself again.
        location.replace(door + '?again');
      }
    } catch {
      failed();
    } finally {
      clearTimeout(limit);
      asking = false;
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
