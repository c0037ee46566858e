//! Brings the schema up to date at boot, whichever gateway boots first and however the last boot ended.
//!
//! Not `sqlx::migrate`: MySQL commits every DDL statement by itself, so a boot that was killed leaves half a migration,
//! which that runner can only report. Here each statement is recorded when it is done. A statement that was done but
//! not recorded is recognised by the error it gives the second time.

use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::ledger::{Conn, Error, Result};

/// In order; never changed once released.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// Text compares byte by byte, as in SQLite: ids are not words of a language.
const COLLATION: &str = "utf8mb4_bin";

/// How long a gateway waits while another one migrates, seconds.
const LOCK_WAIT_S: u32 = 60;

const STEPS: &str = "CREATE TABLE IF NOT EXISTS schema_step (
    migration BIGINT NOT NULL,
    step BIGINT NOT NULL,
    PRIMARY KEY (migration, step)
)";

pub(in crate::ledger) async fn sqlite(conn: &mut Conn) -> Result<()> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    apply(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

pub(in crate::ledger) async fn mysql(conn: &mut Conn) -> Result<()> {
    check_version(conn).await?;
    // The session holds the lock, so a killed boot leaves none behind. A lock's name is global on the server, hence
    // the hash of the database's name in it.
    let lock = format!("SELECT GET_LOCK(CONCAT('stanchion-', MD5(DATABASE())), {LOCK_WAIT_S})");
    let got: Option<i64> = sqlx::query_scalar(AssertSqlSafe(lock)).fetch_one(&mut *conn).await?;
    if got != Some(1) {
        return Err(Error::Unfit("another gateway has been migrating it for a minute".to_owned()));
    }
    let done = match collate(conn).await {
        Ok(()) => apply(conn).await,
        Err(error) => Err(error),
    };
    sqlx::raw_sql("SELECT RELEASE_LOCK(CONCAT('stanchion-', MD5(DATABASE())))").execute(conn).await?;
    done
}

/// The tables that a migration makes, each with its columns.
fn tables(migration: &str) -> Vec<(&str, Vec<&str>)> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in migration.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            tables.extend(rest.split([' ', '(']).next().map(|name| (name, Vec::new())));
        } else if let (Some(column), Some((_, columns))) = (line.strip_prefix("    "), tables.last_mut()) {
            // Names of columns are in lower case; keys begin with a word in capitals, comments with a dash.
            let is_column = column.starts_with(|first: char| first.is_ascii_lowercase());
            columns.extend(column.split(' ').next().filter(|_| is_column));
        }
    }
    tables
}

async fn apply(conn: &mut Conn) -> Result<()> {
    sqlx::raw_sql(STEPS).execute(&mut *conn).await?;
    for (number, migration) in (1i64..).zip(MIGRATIONS) {
        let done: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM schema_step WHERE migration = ?")
            .bind(number)
            .fetch_one(&mut *conn)
            .await?;
        let done = usize::try_from(done).unwrap_or(0);
        for (step, statement) in statements(migration).into_iter().enumerate().skip(done) {
            match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *conn).await {
                Ok(_) => {}
                Err(error) if step == done && exists_already(&error) => {}
                Err(error) => return Err(error.into()),
            }
            sqlx::query("INSERT INTO schema_step (migration, step) VALUES (?, ?)")
                .bind(number)
                .bind(i64::try_from(step).expect("a migration has few statements"))
                .execute(&mut *conn)
                .await?;
        }
    }
    for (table, columns) in MIGRATIONS.iter().flat_map(|migration| tables(migration)) {
        // A schema of before the release may lack what a changed migration makes, and records it as done all the same.
        let found = sqlx::raw_sql(AssertSqlSafe(format!("SELECT {} FROM {table} LIMIT 1", columns.join(", "))))
            .execute(&mut *conn)
            .await;
        if let Err(sqlx::Error::Database(error)) = found {
            let text = format!("table {table} cannot be read ({error}); its schema is another program's: begin anew");
            return Err(Error::Unfit(text));
        }
    }
    let known: Option<i64> = sqlx::query("SELECT MAX(migration) FROM schema_step").fetch_one(conn).await?.try_get(0)?;
    let ours = i64::try_from(MIGRATIONS.len()).expect("few migrations");
    match known {
        Some(known) if known > ours => {
            Err(Error::Unfit(format!("its schema is version {known}, this program knows {ours}")))
        }
        _ => Ok(()),
    }
}

/// A migration's statements. A comment ends with its line, a statement with `;` at the end of a line.
fn statements(migration: &str) -> Vec<String> {
    let code: Vec<&str> = migration.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(";\n").map(|s| s.trim().trim_end_matches(';').to_owned()).filter(|s| !s.is_empty()).collect()
}

/// MySQL's errors for a statement that was done before: table exists, index exists, row exists.
fn exists_already(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|db| db.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .is_some_and(|mysql| matches!(mysql.number(), 1050 | 1061 | 1062))
}

/// Makes every table created from now on compare text byte by byte.
async fn collate(conn: &mut Conn) -> Result<()> {
    if collation(conn).await? != COLLATION {
        sqlx::raw_sql("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").execute(&mut *conn).await?;
    }
    match collation(conn).await? {
        took if took == COLLATION => Ok(()),
        other => Err(Error::Unfit(format!("its collation is {other} and could not be made {COLLATION}"))),
    }
}

async fn collation(conn: &mut Conn) -> Result<String> {
    Ok(sqlx::query_scalar("SELECT @@collation_database").fetch_one(conn).await?)
}

async fn check_version(conn: &mut Conn) -> Result<()> {
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(conn).await?;
    if is_known(&version) {
        return Ok(());
    }
    Err(Error::Unfit(format!("it is version {version}; MySQL 8 or MariaDB 10.11 at least")))
}

fn is_known(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let at = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version.contains("MariaDB") { at >= (10, 11) } else { at >= (8, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for good in ["8.0.36", "8.4.0-log", "9.1.0", "10.11.6-MariaDB-0+deb12u1", "11.4.2-MariaDB"] {
            assert!(is_known(good), "{good}");
        }
        for bad in ["5.7.44", "10.6.16-MariaDB", "", "x"] {
            assert!(!is_known(bad), "{bad}");
        }
    }

    #[test]
    fn a_migration_is_a_list_of_statements() {
        assert_eq!(statements("-- a;\nCREATE X (\n a\n);\n\n-- b\nCREATE Y;\n"), ["CREATE X (\n a\n)", "CREATE Y"]);
        let known = |s: &String| s.starts_with("CREATE ") || s.starts_with("INSERT ");
        assert!(statements(MIGRATIONS[0]).iter().all(known));
    }
}
