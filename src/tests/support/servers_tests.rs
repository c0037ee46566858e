//! Tests of the test servers themselves.

use std::net::TcpStream;

use sqlx::{Connection as _, Executor as _};

use super::servers::{OwnRedis, cluster, mysql_url, redis_url};

#[tokio::test]
async fn a_redis_forgets_when_flushed_and_remembers_when_killed() {
    let mut redis = OwnRedis::start().await;
    redis.says("SET a 1");
    redis.kill();
    assert_eq!(redis.says("GET a"), "");
    redis.restart();
    assert!(redis.says("GET a").starts_with("$1\r\n1"));
    redis.flush();
    assert!(redis.says("GET a").starts_with("$-1"));
}

#[tokio::test]
async fn a_server_leaves_nothing_behind() {
    let redis = OwnRedis::start().await;
    let (dir, address) = (redis.dir().to_owned(), redis.address());
    drop(redis);
    assert!(!dir.exists());
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn every_test_has_its_own_database() {
    assert_ne!(redis_url().await, redis_url().await);
    let (one, two) = (mysql_url().await, mysql_url().await);
    assert_ne!(one, two);
    for url in [one, two] {
        let mut connection = sqlx::MySqlConnection::connect(&url).await.expect("it exists");
        connection.execute("CREATE TABLE a (b BIGINT)").await.expect("it is empty");
    }
}

#[tokio::test]
async fn the_cluster_spreads_over_three_nodes() {
    let cluster = cluster().await;
    assert_eq!(cluster.url().matches("127.0.0.1:").count(), 3);
}
