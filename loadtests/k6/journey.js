// The buyer's journey under load: enter, poll as told, claim a coupon, hold seats, quote, order with coupon and points,
// pay, wait for the confirmation, and sometimes have a seat refunded.
//
// The script fails on wrong answers, never on slow ones: the speed of a machine belongs in the report.
// loadtests/README.md says how to run it and what the numbers mean.

import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const env = (name, otherwise) => (__ENV[name] === undefined ? otherwise : __ENV[name]);
const number = (name, otherwise) => {
  const value = Number(env(name, otherwise));
  if (!Number.isFinite(value)) throw new Error(`${name} must be a number`);
  return value;
};

const BASE_URL = env('BASE_URL', 'http://127.0.0.1:8080');
const ADMIN_URL = env('ADMIN_URL', 'http://127.0.0.1:9100');
const SECRET = env('JWT_SECRET', '');
const EVENT = env('EVENT', '');
const CAMPAIGN = env('CAMPAIGN', '');
// Buyers who come each second, for how long they come, and how many may be under way at once.
const RATE = number('RATE', 20);
const DURATION = env('DURATION', '60s');
const VISITORS_MAX = number('VISITORS_MAX', 2000);
// Of a hundred buyers, how many have a seat refunded.
const REFUND_PER_CENT = number('REFUND_PER_CENT', 10);
const ROWS = number('ROWS', 60);
const SEATS_PER_ROW = number('SEATS_PER_ROW', 40);

for (const url of [BASE_URL, ADMIN_URL]) {
  if (!/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(url)) {
    throw new Error(`${url}: this script is for a gateway on this machine only`);
  }
}
if (SECRET.length < 32) throw new Error('JWT_SECRET must be the gateway\'s auth.hs256_secret, 32 bytes or more');

export const options = {
  scenarios: {
    buyers: {
      executor: 'constant-arrival-rate',
      rate: RATE,
      timeUnit: '1s',
      duration: DURATION,
      preAllocatedVUs: Math.min(VISITORS_MAX, Math.max(50, RATE * 5)),
      maxVUs: VISITORS_MAX,
      gracefulStop: '60s',
    },
  },
  thresholds: {
    // Answers that the contract does not allow at that place, including every 5xx and every lost connection.
    stanchion_breaches: ['count==0'],
    // Buyers who never came because too many were still under way. Then the run measured less than it says.
    dropped_iterations: ['count==0'],
  },
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
};

const breaches = new Counter('stanchion_breaches');
const refusals = new Counter('stanchion_refusals');
const confirmed = new Counter('stanchion_confirmed');
const refunded = new Counter('stanchion_refunded');
const waited = new Trend('stanchion_waited', true);
const confirmation = new Trend('stanchion_confirmation', true);

/** A bearer token for `sub`, valid for an hour. */
function bearer(sub, scope) {
  const b64 = (value) => encoding.b64encode(JSON.stringify(value), 'rawurl');
  const claims = { sub, exp: Math.floor(Date.now() / 1000) + 3600 };
  if (scope) claims.scope = scope;
  const unsigned = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64(claims)}`;
  return `Bearer ${unsigned}.${crypto.hmac('sha256', SECRET, unsigned, 'base64rawurl')}`;
}

/**
 * Sends one request. Returns {ok, code, body}; ok is false when the code is one of `may`, which any buyer may meet
 * here. Any other answer counts as a breach and ends the visit.
 */
function ask(step, method, url, { body = null, headers = {}, status = 200, may = [] } = {}) {
  const params = { headers: { ...headers }, tags: { step, name: step }, timeout: '40s' };
  if (body !== null) params.headers['Content-Type'] = 'application/json';
  const answer = http.request(method, url, body === null ? null : JSON.stringify(body), params);
  let json = {};
  try {
    if (answer.body) json = answer.json();
  } catch (e) {
    json = {};
  }
  if (answer.status === status) return { ok: true, code: null, body: json };
  const code = json.code || `STATUS_${answer.status}`;
  if (answer.status < 500 && may.includes(code)) {
    refusals.add(1, { step, code });
    return { ok: false, code, body: json };
  }
  breach(step, `${answer.status} ${code} ${answer.error || json.detail || ''}`);
  return null;
}

class Broken extends Error {}

/** Counts a breach of the contract and ends the visit. */
function breach(step, what) {
  breaches.add(1, { step });
  console.error(`${step}: ${what}`);
  throw new Broken(what);
}

const think = (least, most) => sleep(least + Math.random() * (most - least));

// What is on sale, and the name of the run. Setup chooses the names once, because every VU runs this file anew.
let sale = null;
const event = (rest) => `${BASE_URL}/v1/events/${sale.event}${rest}`;

export function setup() {
  const run = Date.now().toString(36);
  const name = EVENT || `load-${run}`;
  const campaign = CAMPAIGN || `${name}-coupons`;
  const headers = { Authorization: bearer('load-admin', 'admin') };
  const day = 24 * 3600 * 1000;
  const at = (days) => new Date(Date.now() + days * day).toISOString();
  const rows = Array.from({ length: ROWS }, (_, i) => ({ id: String(i + 1), seats: SEATS_PER_ROW }));
  const put = (step, path, body) => {
    const answer = http.put(`${ADMIN_URL}${path}`, JSON.stringify(body), {
      headers: { ...headers, 'Content-Type': 'application/json' },
      tags: { step, name: step },
    });
    if (answer.status !== 200 && answer.status !== 201) exec.test.abort(`${step}: ${answer.status} ${answer.body}`);
  };
  put('create event', `/v1/admin/events/${name}`, {
    name: 'Load', starts_at: at(30), currency: 'KRW', organizer: 'load', earn_bp: 100,
    sections: [
      { id: 'a', name: 'Seats', price: 55000, rows },
      { id: 'ga', name: 'Standing', price: 33000, capacity: Math.ceil((ROWS * SEATS_PER_ROW) / 4) },
    ],
    room: { mode: 'open', capacity: 1000, rate_per_min: Math.max(60, RATE * 60) },
  });
  put('create campaign', `/v1/admin/coupons/${campaign}`, {
    name: 'Load', kind: 'percent', percent_bp: 1000, max_discount: 10000, min_spend: 0, stock: 500, per_user: 1,
    expires_at: at(60), events: [name], funded_by: 'platform',
  });
  return { run, event: name, campaign };
}

export default function (onSale) {
  sale = onSale;
  const visit = `${sale.run}-${exec.scenario.iterationInTest}`;
  const user = bearer(`user-${visit}`);
  let keys = 0;
  const post = (step, url, body, status, may, headers = {}) =>
    ask(step, 'POST', url, {
      body, status, may, headers: { Authorization: user, 'Idempotency-Key': `${visit}-${(keys += 1)}`, ...headers },
    });
  const get = (step, url) => ask(step, 'GET', url, { headers: { Authorization: user } }).body;

  try {
    grantPoints(visit);
    const pass = stand();
    if (pass === null) return;
    think(0.2, 1);
    post('claim', `${BASE_URL}/v1/coupons/${sale.campaign}/claims`, {}, 201, ['SOLD_OUT']);
    const hold = holdSeats(post, pass);
    if (hold === null) return;
    const order = buy(post, get, hold);
    if (order !== null && Math.random() * 100 < REFUND_PER_CENT) refund(post, get, order);
  } catch (e) {
    if (!(e instanceof Broken)) throw e;
  }
}

function grantPoints(visit) {
  ask('grant points', 'POST', `${ADMIN_URL}/v1/admin/users/user-${visit}/points`, {
    body: { amount: 10000, expires_at: null, reason: 'load' },
    status: 201,
    headers: { Authorization: bearer('load-admin', 'admin'), 'Idempotency-Key': `grant-${visit}` },
  });
}

/** Waits for the buyer's turn. Returns the pass, or null when there is nothing left to wait for. */
function stand() {
  const began = Date.now();
  let place = ask('enter', 'POST', event('/queue'), { body: {}, status: 201 }).body;
  const headers = { 'Stanchion-Queue': place.token };
  let best = Infinity;
  for (;;) {
    if (place.state === 'admitted') {
      waited.add(Date.now() - began);
      return place.pass;
    }
    if (place.state !== 'waiting') breach('poll', `state ${place.state} for a visitor who was there`);
    if (place.position !== null) {
      if (place.position > best) breach('poll', `position grew from ${best} to ${place.position}`);
      best = place.position;
    }
    if (place.room === 'sold_out') {
      ask('leave', 'DELETE', event('/queue'), { headers, status: 204 });
      return null;
    }
    sleep(place.poll_after_ms / 1000);
    place = ask('poll', 'GET', event('/queue'), { headers }).body;
  }
}

/** One to three seats: the best adjacent ones, else any, else standing places. */
function holdSeats(post, pass) {
  const quantity = 1 + Math.floor(Math.random() * 3);
  const may = ['SOLD_OUT', 'ADJACENT_UNAVAILABLE', 'PASS_REQUIRED'];
  const wishes = [
    { section: 'a', quantity, adjacent: true },
    { section: 'a', quantity, adjacent: false },
    { section: 'ga', quantity, adjacent: true },
  ];
  for (const wish of wishes) {
    const answer = post('hold', event('/holds'), wish, 201, may, { 'Stanchion-Pass': pass });
    if (answer.ok) {
      if (answer.body.seats.length !== quantity) breach('hold', 'another number of seats than asked');
      return answer.body;
    }
    if (answer.code === 'PASS_REQUIRED') return null;
  }
  return null;
}

/** The confirmed order, or null. Quotes again, up to twice, when price or coupon changed after the quote. */
function buy(post, get, hold) {
  const points = Math.random() < 0.5 ? 10000 : 0;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const quote = post('quote', event(`/holds/${hold.id}/quote`), { coupon: 'best', points }, 200, ['HOLD_EXPIRED']);
    if (!quote.ok) return null;
    const total = quote.body.total;
    if (total.price + total.fee !== total.discount + total.points + total.cash) breach('quote', 'the total does not add up');
    think(0.2, 1);
    const began = Date.now();
    const placed = post('order', `${BASE_URL}/v1/orders`, {
      event: sale.event, hold: hold.id, coupon: 'best', points, expected_cash: total.cash, payment: null,
    }, 202, ['HOLD_EXPIRED']);
    if (!placed.ok) return null;
    const order = conclude(post, get, placed.body.id, total.cash);
    if (order.status === 'confirmed') {
      confirmed.add(1);
      confirmation.add(Date.now() - began);
      return order;
    }
    refusals.add(1, { step: 'order status', code: order.reason });
    if (order.reason !== 'PRICE_CHANGED' && order.reason !== 'COUPON_UNAVAILABLE') return null;
  }
  return null;
}

/** Follows an order to its end, and pays when it waits for payment. */
function conclude(post, get, id, cash) {
  const url = `${BASE_URL}/v1/orders/${id}`;
  let paid = false;
  for (let polls = 0; polls < 12; polls += 1) {
    const order = get('order status', `${url}?wait_s=10`);
    if (order.status === 'confirmed' || order.status === 'rejected') return order;
    if (order.status === 'pending_payment' && !paid) {
      paid = true;
      const body = { provider: 'sandbox', key: 'ok', amount: cash };
      post('pay', `${url}/payment`, body, 202, ['NOT_PAYABLE']);
    }
  }
  return breach('order status', 'not final in two minutes');
}

function refund(post, get, order) {
  think(0.2, 1);
  const line = order.lines[0];
  const url = `${BASE_URL}/v1/orders/${order.id}/refunds`;
  const asked = post('refund', url, { lines: [{ line: line.line }], reason: 'changed my mind' }, 202, []);
  for (let polls = 0; polls < 100; polls += 1) {
    const state = get('refund status', `${url}/${asked.body.id}`);
    if (state.status === 'failed') breach('refund', 'failed');
    if (state.status === 'done') {
      if (state.cash !== line.cash || state.points_restored !== line.points) breach('refund', 'not what was paid');
      refunded.add(1);
      return;
    }
    sleep(0.3);
  }
  breach('refund status', 'not done in thirty seconds');
}
