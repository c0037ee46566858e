// Orders by BullMQ: one job an order, which inserts the order and its two lines in one transaction.
//
// REDIS_PORT, MYSQL_URL, ORDERS and CONCURRENCY say where, how many, and how many jobs at once. It prints "ready" when the
// jobs wait, begins when it reads a line, and prints how many seconds the jobs took.

import { once } from "node:events";
import { Queue, Worker } from "bullmq";
import mysql from "mysql2/promise";

const { REDIS_PORT, MYSQL_URL } = process.env;
const orders = Number(process.env.ORDERS), concurrency = Number(process.env.CONCURRENCY);
const connection = { host: "127.0.0.1", port: Number(REDIS_PORT) };

const pool = mysql.createPool({ uri: MYSQL_URL, connectionLimit: concurrency });
await pool.query("CREATE TABLE bare_order (id VARCHAR(40) PRIMARY KEY, user_id VARCHAR(128) NOT NULL, cash BIGINT NOT NULL, " +
  "placed_ms BIGINT NOT NULL)");
await pool.query("CREATE TABLE bare_line (order_id VARCHAR(40), line BIGINT, seat BIGINT NOT NULL, price BIGINT NOT NULL, " +
  "PRIMARY KEY (order_id, line))");

const queue = new Queue("orders", { connection });
for (let from = 0; from < orders; from += 1000) {
  const jobs = Array.from({ length: Math.min(1000, orders - from) }, (_, at) => ({
    name: "order", data: { id: `o${from + at}`, user: `u${from + at}` }, opts: { removeOnComplete: true },
  }));
  await queue.addBulk(jobs);
}

console.log("ready");
await once(process.stdin, "data");
const began = process.hrtime.bigint();
let left = orders;
const worker = new Worker("orders", async ({ data }) => {
  const db = await pool.getConnection();
  try {
    await db.beginTransaction();
    await db.execute("INSERT INTO bare_order VALUES (?, ?, ?, ?)", [data.id, data.user, 110000, Date.now()]);
    await db.execute("INSERT INTO bare_line VALUES (?, 1, ?, 55000), (?, 2, ?, 55000)", [data.id, 1, data.id, 2]);
    await db.commit();
  } finally {
    db.release();
  }
}, { connection, concurrency });
await new Promise((done, failed) => {
  worker.on("completed", () => { left -= 1; if (left === 0) done(); });
  worker.on("failed", (_, error) => failed(error));
});
console.log(Number(process.hrtime.bigint() - began) / 1e9);
process.exit(0);
