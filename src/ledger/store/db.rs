//! Opens the database and runs transactions and reads on it, each with a time limit.

use std::future::Future;
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions as _, Connection as _};

use super::between::Between;
use super::migrate;
use super::replica::{ReadSource, Replica};
use crate::clock;
use crate::ledger::{Error, Result};
use crate::metrics::LEDGER_READ_SECONDS;

/// A connection inside a transaction or a read.
pub type Conn = AnyConnection;

/// What a transaction or read does with its connection.
pub type Work<'c, T, E = Error> = Pin<Box<dyn Future<Output = std::result::Result<T, E>> + Send + 'c>>;

/// Time limit of one transaction. A lost network must end in a retry, not in a wait for TCP.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// How long a transaction waits for a connection, and the time limit of each connection made at boot.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Prepared statements a connection keeps: about forty texts in ten lengths each.
const STATEMENTS_MAX: u32 = 1_024;

/// Isolation of writers. A batch first locks its rows of `lane` and `wallet`, which guard what it reads, so it needs no
/// stricter level. A stricter level would only add gap locks, and with them deadlocks.
const MYSQL_WRITE: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'); \
     SET SESSION innodb_lock_wait_timeout = 10";

/// All statements of a read see the same snapshot.
const MYSQL_READ: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

/// WAL: readers do not wait for the writer. FULL: a commit that was answered survives power loss.
const SQLITE_WRITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000";
const SQLITE_READ: &str = "PRAGMA busy_timeout = 5000";

/// How many statements a read has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Statements {
    One,
    /// Together they see one moment.
    Several,
}

/// Reads of the ledger. A reader cannot write. Clones share its pools.
#[derive(Clone)]
pub struct Reader {
    primary: AnyPool,
    replica: Option<Replica>,
    /// Time limit of one read.
    limit: Duration,
    /// Only a test sets this, to simulate a failing database.
    between: Option<Arc<dyn Between>>,
}

/// The open ledger, for reading and writing. Clones share its pools.
#[derive(Clone)]
pub struct Ledger {
    reader: Reader,
    write: AnyPool,
    /// SQLite takes its write lock at once, so that a transaction that reads first is not refused later.
    begin: &'static str,
}

impl Deref for Ledger {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// What a pool is opened with.
struct Pooled {
    options: AnyConnectOptions,
    size: u32,
    session: &'static str,
    wait: Duration,
    /// Each borrower first rolls back any transaction that a dropped future left open.
    rollback: bool,
}

impl Ledger {
    /// MySQL 8+ or MariaDB 10.11+. Connects once, brings the schema up to date, and fails with the database's own
    /// error if it cannot. When a connection is lost later, the call that meets it fails.
    pub async fn mysql(
        url: &str,
        replica_url: Option<&str>,
        write_pool: u32,
        read_pool: u32,
        read_timeout: Duration,
    ) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options = mysql_options(url)?;
        let replica = replica_url.map(mysql_options).transpose()?;

        let mut first = connect(&options, MYSQL_WRITE).await?;
        migrate::mysql(&mut first).await?;
        first.close().await?;
        if let Some(replica) = &replica {
            connect(replica, MYSQL_READ).await?.close().await?;
        }

        let pooled = |options: AnyConnectOptions, size, session, wait| {
            Pooled { options, size, session, wait, rollback: true }.open()
        };
        let primary = pooled(options.clone(), read_pool, MYSQL_READ, read_timeout);
        let replica = replica.map(|to| Replica::new(pooled(to, read_pool, MYSQL_READ, read_timeout)));
        Ok(Self {
            reader: Reader { primary, replica, limit: read_timeout, between: None },
            write: pooled(options, write_pool, MYSQL_WRITE, CONNECT_LIMIT),
            begin: "BEGIN",
        })
    }

    /// The embedded ledger. One connection writes: SQLite has one writer anyway, and the pool's queue is fair, while
    /// SQLite's lock is not.
    pub async fn sqlite(path: &Path, read_pool: u32, read_timeout: Duration) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let mut first = connect(&sqlite_options(path, SqliteOpen::Write)?, SQLITE_WRITE).await?;
        migrate::sqlite(&mut first).await?;
        first.close().await?;

        let write = Pooled {
            options: sqlite_options(path, SqliteOpen::Write)?,
            size: 1,
            session: SQLITE_WRITE,
            wait: CONNECT_LIMIT,
            rollback: false,
        };
        let mut ledger = Self::sqlite_read_only(path, read_pool, read_timeout).await?;
        ledger.write = write.open();
        Ok(ledger)
    }

    /// For an audit while the server is stopped: nothing can be written, and the schema is not brought up to date.
    pub async fn sqlite_read_only(path: &Path, read_pool: u32, read_timeout: Duration) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options = sqlite_options(path, SqliteOpen::Read)?;
        connect(&options, SQLITE_READ).await?.close().await?;
        let primary =
            Pooled { options, size: read_pool, session: SQLITE_READ, wait: read_timeout, rollback: false }.open();
        Ok(Self {
            write: primary.clone(),
            reader: Reader { primary, replica: None, limit: read_timeout, between: None },
            begin: "BEGIN IMMEDIATE",
        })
    }

    /// Runs `work` in one transaction: commits when it answers `Ok`, rolls back when it does not.
    ///
    /// It runs in a task of its own and to its end, whether or not the caller still waits: a request
    /// that is dropped in the middle of `BEGIN` would hand its open transaction to the next borrower.
    pub async fn transaction<T, E, F>(&self, work: F) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T, E> + Send + 'static,
    {
        let (pool, begin, between) = (self.write.clone(), self.begin, self.reader.between.clone());
        let task = tokio::spawn(async move {
            let between = between.as_deref();
            let call = async {
                let mut conn = pool.acquire().await.map_err(Error::from)?;
                match tokio::time::timeout(WRITE_LIMIT, commit(&mut conn, begin, between, work)).await {
                    Ok(done) => {
                        given_back(conn, between).await;
                        done
                    }
                    Err(_) => {
                        abandon(conn);
                        Err(Error::Timeout(WRITE_LIMIT).into())
                    }
                }
            };
            match between {
                None => call.await,
                Some(between) => carried(between, call).await,
            }
        });
        match task.await {
            Ok(done) => done,
            Err(end) => match end.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down and has dropped the task, maybe in the middle of its commit.
                Err(_) => Err(Error::from(sqlx::Error::PoolClosed).into()),
            },
        }
    }

    /// The same ledger, with `between` between it and its database.
    pub fn through(mut self, between: Arc<dyn Between>) -> Self {
        self.reader.between = Some(between);
        self
    }

    /// For those who only read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Ends all connections; calls under way are finished first.
    pub async fn close(&self) {
        self.write.close().await;
        self.primary.close().await;
        if let Some(replica) = &self.replica {
            replica.pool.close().await;
        }
    }
}

impl Reader {
    /// Runs `work` on one snapshot of the database, within the time limit of reads. `query` is its name
    /// in the metrics.
    pub async fn read<T, F>(&self, query: &'static str, source: ReadSource, work: F) -> Result<T>
    where
        T: Send,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T> + Send,
    {
        self.timed(query, source, Statements::Several, work).await
    }

    /// As [`Self::read`], for work of a single statement. A statement sees one moment without a transaction.
    pub async fn read_one<T, F>(&self, query: &'static str, source: ReadSource, work: F) -> Result<T>
    where
        T: Send,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T> + Send,
    {
        self.timed(query, source, Statements::One, work).await
    }

    pub(in crate::ledger) async fn timed<T, F>(
        &self,
        query: &'static str,
        source: ReadSource,
        statements: Statements,
        work: F,
    ) -> Result<T>
    where
        T: Send,
        F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T> + Send,
    {
        let replica = self.replica.as_ref().filter(|replica| source == ReadSource::Replica && replica.is_well());
        let pool = replica.map_or(&self.primary, |replica| &replica.pool);
        let (started, between) = (clock::instant(), self.between.as_deref());
        let call = async {
            let mut conn = pool.acquire().await?;
            let done = async {
                match statements {
                    Statements::One => work(&mut conn).await,
                    Statements::Several => snapshot(&mut conn, work).await,
                }
            };
            match tokio::time::timeout(self.limit, done).await {
                Ok(done) => {
                    given_back(conn, between).await;
                    done
                }
                Err(_) => {
                    abandon(conn);
                    Err(Error::Timeout(self.limit))
                }
            }
        };
        let done = match between {
            None => call.await,
            Some(between) => carried(between, call).await,
        };
        if let Some(replica) = replica.filter(|_| done.is_err()) {
            replica.failed();
        }
        metrics::histogram!(LEDGER_READ_SECONDS, "query" => query).record(started.elapsed());
        done
    }

    /// There is a replica, and it has answered lately.
    pub(in crate::ledger) fn has_replica(&self) -> bool {
        self.replica.as_ref().is_some_and(Replica::is_well)
    }

    /// Time limit of one read.
    pub(in crate::ledger) fn read_limit(&self) -> Duration {
        self.limit
    }
}

/// Makes a call through `between`.
async fn carried<T, E>(
    between: &dyn Between,
    call: impl Future<Output = std::result::Result<T, E>> + Send,
) -> std::result::Result<T, E>
where
    T: Send,
    E: From<Error> + Send,
{
    between.before()?;
    let mut done = None;
    between.carry(Box::pin(async { done = Some(call.await) })).await;
    let done = done.expect("carried to its end")?;
    between.after()?;
    Ok(done)
}

async fn commit<T, E, F>(
    conn: &mut Conn,
    begin: &'static str,
    between: Option<&dyn Between>,
    work: F,
) -> std::result::Result<T, E>
where
    E: From<Error>,
    F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T, E>,
{
    let mut tx = conn.begin_with(begin).await.map_err(Error::from)?;
    let done = work(&mut tx).await;
    let done = done.and_then(|done| between.map_or(Ok(()), Between::at_commit).map(|()| done).map_err(E::from));
    match done {
        Ok(done) => {
            tx.commit().await.map_err(Error::from)?;
            Ok(done)
        }
        Err(refused) => {
            // When the rollback fails, the connection is gone, and the transaction with it.
            let _ = tx.rollback().await;
            Err(refused)
        }
    }
}

async fn snapshot<T, F>(conn: &mut Conn, work: F) -> Result<T>
where
    F: for<'c> FnOnce(&'c mut Conn) -> Work<'c, T>,
{
    let mut tx = conn.begin().await?;
    let done = work(&mut tx).await;
    let ended = tx.rollback().await;
    let done = done?;
    ended?;
    Ok(done)
}

/// The pool takes a dropped connection back in a task of its own. With a `between` it is back before the call ends.
async fn given_back(mut conn: PoolConnection<Any>, between: Option<&dyn Between>) {
    if between.is_some() {
        conn.return_to_pool().await;
    }
}

/// Drops the socket: a connection that did not answer in time cannot be given to the next borrower.
fn abandon(conn: PoolConnection<Any>) {
    drop(conn.detach());
}

impl Pooled {
    fn open(self) -> AnyPool {
        let Pooled { options, size, session, wait, rollback } = self;
        let pool = AnyPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(wait)
            // A connection stays until it fails. The pool's own limits would replace all of them in the same minute,
            // half an hour after the start, and each new one prepares every statement again.
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(!rollback)
            .after_connect(move |conn, _| {
                Box::pin(async move { sqlx::raw_sql(session).execute(conn).await.map(drop) })
            });
        if !rollback {
            return pool.connect_lazy_with(options);
        }
        pool.before_acquire(|conn, _| {
            Box::pin(async move { sqlx::raw_sql("ROLLBACK").execute(conn).await.map(|_| true) })
        })
        .connect_lazy_with(options)
    }
}

/// Lets every statement of this program stay prepared on its connection (see `sql`), unless the address sets the
/// capacity itself.
fn mysql_options(url: &str) -> Result<AnyConnectOptions> {
    let parameter = "statement-cache-capacity=";
    if url.contains(parameter) {
        return Ok(AnyConnectOptions::from_str(url)?);
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    Ok(AnyConnectOptions::from_str(&format!("{url}{joint}{parameter}{STATEMENTS_MAX}"))?)
}

async fn connect(options: &AnyConnectOptions, session: &'static str) -> Result<Conn> {
    let connecting = async {
        let mut conn = Conn::connect_with(options).await?;
        sqlx::raw_sql(session).execute(&mut conn).await?;
        Ok(conn)
    };
    tokio::time::timeout(CONNECT_LIMIT, connecting).await.map_err(|_| Error::Timeout(CONNECT_LIMIT))?
}

#[derive(Clone, Copy)]
enum SqliteOpen {
    Write,
    Read,
}

/// `Any` takes only an address; SQLite's own options know how to write a path as one.
fn sqlite_options(path: &Path, open: SqliteOpen) -> Result<AnyConnectOptions> {
    let path = std::path::absolute(path).map_err(sqlx::Error::from)?;
    let options = SqliteConnectOptions::new().filename(path);
    let options = match open {
        SqliteOpen::Write => options.create_if_missing(true),
        SqliteOpen::Read => options.read_only(true),
    };
    Ok(AnyConnectOptions::from_url(&options.to_url_lossy())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::sql;
    use crate::ledger::store::sql::Value;

    #[tokio::test]
    async fn a_refused_transaction_leaves_nothing_and_a_dropped_caller_everything() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a b?#.db");
        let ledger = Ledger::sqlite(&path, 2, Duration::from_secs(3)).await.expect("opens");

        let refused: Result<()> = ledger
            .transaction(|tx| {
                Box::pin(async move {
                    sql::insert(tx, "lane", LANE, &[lane(1)]).await?;
                    Err(Error::Unfit("on purpose".to_owned()))
                })
            })
            .await;
        assert!(refused.is_err());
        assert_eq!(lanes(&ledger).await, 0);

        let (begun, begins) = tokio::sync::oneshot::channel();
        let writing = ledger.transaction(|tx| {
            Box::pin(async move {
                let _ = begun.send(());
                sql::insert(tx, "lane", LANE, &[lane(1), lane(2)]).await
            })
        });
        let mut writing = Box::pin(writing);
        tokio::select! {
            biased;
            _ = &mut writing => {}
            _ = begins => {}
        }
        drop(writing);
        // The one writing connection is free again only after the first transaction has ended.
        ledger
            .transaction(|tx| Box::pin(async move { sql::insert(tx, "lane", LANE, &[lane(3)]).await }))
            .await
            .expect("writes");
        assert_eq!(lanes(&ledger).await, 3);

        let again = Ledger::sqlite(&path, 2, Duration::from_secs(3)).await.expect("opens again");
        assert_eq!(lanes(&again).await, 3);
        let doubled = again
            .transaction(|tx| Box::pin(async move { sql::insert(tx, "lane", LANE, &[lane(3)]).await }))
            .await
            .expect_err("the key is taken");
        assert!(matches!(doubled, Error::Database { cause: crate::ledger::Cause::Duplicate, .. }), "{doubled}");
    }

    const LANE: &[&str] = &["lane", "generation", "log_last", "epoch"];

    fn lane(number: i64) -> Vec<Value> {
        vec![number.into(), 1i64.into(), 0i64.into(), 0i64.into()]
    }

    async fn lanes(ledger: &Ledger) -> i64 {
        ledger
            .read("test", ReadSource::Primary, |conn| {
                Box::pin(async move { Ok(sqlx::query_scalar("SELECT COUNT(*) FROM lane").fetch_one(conn).await?) })
            })
            .await
            .expect("reads")
    }
}
