//! The servers that the tests run on: Redis, a Redis Cluster of three primaries, MariaDB, ChromeDriver, nginx. All are
//! private, on loopback, and started at first use.
//!
//! Every server is the child of a small guard shell that reads from a pipe of this process. However this process ends,
//! the pipe closes; then the guard kills the server and removes its folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, Executor as _};
use stanchion::clock;
use tokio::sync::{Mutex, MutexGuard};

/// Logical databases of a server: one for each test that asks for one.
const DATABASES: u32 = 512;

/// How long a server may take to become ready on a machine under load.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The guard. `$1`: the folder; `$2…`: the server's command. It reads the words `kill` and `start` on its standard
/// input.
const GUARD: &str = r#"
trap '' INT HUP TERM
PATH=$PATH:/usr/sbin:/usr/local/sbin
dir=$1; shift
# Its whole group; alone when it had no time to become one.
end() { kill -s KILL -- "-$pid" || kill -s KILL "$pid"; wait "$pid"; }
setsid "$@" >>"$dir/log" 2>&1 </dev/null & pid=$!
while read -r word; do
  case $word in
    kill) end; echo killed ;;
    start) setsid "$@" >>"$dir/log" 2>&1 </dev/null & pid=$!; echo started ;;
  esac
done
end
rm -rf "$dir"
"#;

/// Starts MariaDB. `$1`: the folder; `$2`: the port; `$3…`: further settings.
const MARIADB: &str = r#"
set -e
me=$(id -un)
[ -d "$1/data/mysql" ] || mariadb-install-db --no-defaults --user="$me" --datadir="$1/data" \
    --auth-root-authentication-method=normal --skip-test-db --innodb-log-file-size=16M
dir=$1; port=$2; shift 2
exec mariadbd --no-defaults --user="$me" --datadir="$dir/data" --tmpdir="$dir" --socket="$dir/sock" \
    --pid-file="$dir/pid" --bind-address=127.0.0.1 --port="$port" --max-connections=600 --performance-schema=off \
    --character-set-server=utf8mb4 --collation-server=utf8mb4_bin --innodb-buffer-pool-size=96M \
    --innodb-log-file-size=64M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-use-native-aio=0 "$@"
"#;

/// A server and its guard. When this is dropped, both end and the folder is removed.
struct Server {
    guard: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    dir: PathBuf,
    port: u16,
}

impl Server {
    fn start(dir: PathBuf, port: u16, command: &[String]) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&dir)
            .args(command)
            // Keeps a Ctrl-C in the terminal from the guard, which has to outlive the tests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh is there");
        let words = guard.stdin.take();
        let answers = BufReader::new(guard.stdout.take().expect("it is piped"));
        Self { guard, words, answers, dir, port }
    }

    fn say(&mut self, word: &str) {
        let words = self.words.as_mut().expect("there until dropped");
        writeln!(words, "{word}").expect("the guard reads as long as this process lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the guard answers");
    }

    /// Waits until `ready` returns true.
    fn wait_until(&self, what: &str, ready: impl Fn() -> bool) {
        let began = clock::instant();
        while !ready() {
            if began.elapsed() > READY_WITHIN {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                panic!("{what} is not ready after {READY_WITHIN:?}; its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.words.take());
        // Leaves no zombie. The guard ends when the server is dead, soon after its pipe is closed.
        let _ = self.guard.wait();
    }
}

/// A new folder, which the guard removes.
fn folder(kind: &str) -> PathBuf {
    let dir = tempfile::Builder::new().prefix(&format!("stanchion-{kind}-")).tempdir().expect("a temporary folder");
    dir.keep()
}

/// A free port below the range from which the kernel gives out ports.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 18_000 + (std::process::id().wrapping_mul(61).wrapping_add(n)) % 14_000;
        let port = u16::try_from(port).expect("below 32,000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn must_have(program: &str) {
    let found = Command::new("sh")
        .args(["-c", "PATH=$PATH:/usr/sbin:/usr/local/sbin; command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    assert!(found, "{program} is missing; `make test` installs what the tests start (.ci/packages)");
}

// --- Redis ---

fn start_redis(extra: &[&str]) -> Server {
    must_have("redis-server");
    let dir = folder("redis");
    let port = free_port();
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/redis.conf");
    let mut command = vec!["redis-server".to_owned(), conf.display().to_string()];
    let (port_text, dir_text, databases) = (port.to_string(), dir.display().to_string(), DATABASES.to_string());
    command.extend(["--port", &port_text, "--dir", &dir_text, "--databases", &databases].map(str::to_owned));
    command.extend(extra.iter().map(|word| (*word).to_owned()));
    let server = Server::start(dir, port, &command);
    redis_ready(&server);
    server
}

fn redis_ready(server: &Server) {
    // The answer must name this server's folder: another process may listen on the port.
    let dir = server.dir.display().to_string();
    server.wait_until("redis-server", || {
        // PING is refused while the append-only file is being read.
        redis_says(server.port, "CONFIG GET dir").contains(&dir) && redis_says(server.port, "PING").starts_with("+PONG")
    });
}

/// Sends a command in Redis's inline protocol. Returns all that comes back; nothing when there is no answer.
fn redis_says(port: u16, command: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), READY_WITHIN)?;
        stream.set_read_timeout(Some(READY_WITHIN))?;
        // QUIT makes the server close after the answer.
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_default()
}

/// The URL of a logical database of the shared server that no other test has: `redis://127.0.0.1:port/n`.
pub async fn redis_url() -> String {
    static SHARED: OnceLock<Server> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // This server is never restarted, so nothing has to be synced to disk.
    let server = blocking(|| SHARED.get_or_init(|| start_redis(&["--appendonly", "no"]))).await;
    let database = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(database < DATABASES, "more tests than logical databases: raise DATABASES");
    format!("redis://127.0.0.1:{}/{database}", server.port)
}

/// A Redis of one test, with the settings of `config/redis.conf` (each write is synced).
pub struct OwnRedis(Server);

impl OwnRedis {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings, as on redis-server's command line.
    pub async fn with(extra: &[&str]) -> Self {
        let extra: Vec<String> = extra.iter().map(|word| (*word).to_owned()).collect();
        blocking(move || Self(start_redis(&extra.iter().map(String::as_str).collect::<Vec<_>>()))).await
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.0.port)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.0.port))
    }

    /// The folder of its files.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Sends one command, its words separated by spaces; returns the raw answer.
    pub fn says(&self, command: &str) -> String {
        redis_says(self.0.port, command)
    }

    /// Deletes everything, as an operator might by mistake.
    pub fn flush(&self) {
        assert!(self.says("FLUSHALL").starts_with("+OK"));
    }

    /// Copies its files as they are now.
    pub fn back_up(&self) {
        copy(&self.0.dir.join("appendonlydir"), &self.0.dir.join("backup"));
    }

    /// Kills the server and starts it on the copy, as if an older file had been put in place.
    pub fn set_back(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.0.dir.join("appendonlydir")).expect("it appends only");
        copy(&self.0.dir.join("backup"), &self.0.dir.join("appendonlydir"));
        self.restart();
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.0.say("kill");
    }

    /// Starts the server again after `kill`, on the same port and files. Returns when it answers.
    pub fn restart(&mut self) {
        self.0.say("start");
        redis_ready(&self.0);
    }
}

/// Copies the files of a folder without subfolders.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a new folder");
    for file in std::fs::read_dir(from).expect("it is there").flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).expect("room on the disk");
    }
}

// --- Redis Cluster ---

/// The shared cluster, empty. One test has it at a time, because a cluster has no logical databases.
pub struct Cluster(#[expect(dead_code, reason = "held so that no other test has it")] MutexGuard<'static, ()>, String);

impl Cluster {
    pub fn url(&self) -> &str {
        &self.1
    }
}

/// Waits until no other test has the cluster, and empties it.
pub async fn cluster() -> Cluster {
    static SHARED: OnceLock<Vec<Server>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let nodes = blocking(|| SHARED.get_or_init(start_cluster)).await;
    for node in nodes {
        assert!(redis_says(node.port, "FLUSHALL").starts_with("+OK"));
    }
    let others: Vec<String> = nodes[1..].iter().map(|n| format!("node=127.0.0.1:{}", n.port)).collect();
    Cluster(turn, format!("redis-cluster://127.0.0.1:{}?{}", nodes[0].port, others.join("&")))
}

fn start_cluster() -> Vec<Server> {
    let nodes: Vec<Server> = (0..3)
        .map(|_| {
            let bus = free_port().to_string();
            let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--databases", "1"];
            start_redis(&[&cluster[..], &["--appendonly", "no", "--cluster-node-timeout", "60000"][..]].concat())
        })
        .collect();
    for (node, (first, last)) in nodes.iter().zip([(0, 5460), (5461, 10922), (10923, 16383)]) {
        let answer = redis_says(node.port, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        assert!(answer.starts_with("+OK"), "{answer}");
    }
    let bus_of = |node: &Server| {
        let answer = redis_says(node.port, "CONFIG GET cluster-port");
        answer.lines().nth(4).map(str::to_owned).expect("name and value")
    };
    for node in &nodes[1..] {
        let answer = redis_says(nodes[0].port, &format!("CLUSTER MEET 127.0.0.1 {} {}", node.port, bus_of(node)));
        assert!(answer.starts_with("+OK"), "{answer}");
    }
    for node in &nodes {
        node.wait_until("the cluster", || {
            let info = redis_says(node.port, "CLUSTER INFO");
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        });
    }
    nodes
}

// --- MariaDB ---

/// The URL of a new database of the shared server: `mysql://root@127.0.0.1:port/t<n>`.
pub async fn mysql_url() -> String {
    static SHARED: OnceLock<Server> = OnceLock::new();
    let server = blocking(|| SHARED.get_or_init(|| start_mariadb(&[]))).await;
    new_database(server).await
}

/// The URL of a new database on a server with 8 GB of buffer pool, for load tests of hours.
#[allow(dead_code, reason = "load tests ask for it")]
pub async fn large_mysql_url() -> String {
    static LARGE: OnceLock<Server> = OnceLock::new();
    let settings = ["--innodb-buffer-pool-size=8G", "--innodb-log-file-size=2G"];
    let server = blocking(move || LARGE.get_or_init(|| start_mariadb(&settings))).await;
    new_database(server).await
}

/// The URL of a new database on a server that loses no commit when the power fails, for load tests of orders.
#[allow(dead_code, reason = "load tests ask for it")]
pub async fn durable_mysql_url() -> String {
    static DURABLE: OnceLock<Server> = OnceLock::new();
    let settings = [
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-doublewrite=1",
        "--innodb-use-native-aio=1",
        "--innodb-buffer-pool-size=2G",
        "--innodb-log-file-size=1G",
    ];
    let server = blocking(move || DURABLE.get_or_init(|| start_mariadb(&settings))).await;
    new_database(server).await
}

/// A primary with a replica that follows it, each a server of its own.
pub struct Replicated {
    primary: Server,
    replica: Server,
    database: String,
}

impl Replicated {
    #[allow(dead_code, reason = "load tests need none")]
    pub async fn start() -> Self {
        let both = || {
            let primary = start_mariadb(&["--server-id=1", "--log-bin", "--binlog-format=ROW"]);
            (primary, start_mariadb(&["--server-id=2"]))
        };
        let (primary, replica) = blocking(both).await;
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='root', MASTER_PASSWORD='', \
             MASTER_USE_GTID=slave_pos; START SLAVE",
            primary.port
        );
        let url = new_database(&primary).await;
        let database = url.rsplit('/').next().expect("a name").to_owned();
        let started = Self { primary, replica, database };
        started.replica_does(&follow).await;
        started
    }

    pub fn primary_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/{}", self.primary.port, self.database)
    }

    pub fn replica_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/{}", self.replica.port, self.database)
    }

    /// Runs statements on the replica's server, by its own client: they are MariaDB's alone.
    pub async fn replica_does(&self, statements: &str) {
        let (socket, statements) = (self.replica.dir.join("sock"), statements.to_owned());
        let ran = blocking(move || {
            let mut client = Command::new("mariadb");
            client.arg("--no-defaults").arg("--user=root").arg("--socket").arg(socket).args(["--execute", &statements]);
            client.output()
        });
        let ran = ran.await.expect("the server's client is installed with it");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    /// How many queries the replica's server has been asked.
    pub async fn replica_asked(&self) -> u64 {
        let mut connection = self.to_replica().await;
        let row: (String, String) =
            sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Com_select'").fetch_one(&mut connection).await.expect("a count");
        row.1.parse().expect("a number")
    }

    async fn to_replica(&self) -> sqlx::MySqlConnection {
        let root = format!("mysql://root@127.0.0.1:{}", self.replica.port);
        sqlx::MySqlConnection::connect(&root).await.expect("the replica is there")
    }

    /// Whether the replica has the database.
    pub async fn follows(&self) -> bool {
        sqlx::MySqlConnection::connect(&self.replica_url()).await.is_ok()
    }

    pub fn kill_replica(&mut self) {
        self.replica.say("kill");
    }
}

async fn new_database(server: &Server) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let root = format!("mysql://root@127.0.0.1:{}", server.port);
    let mut connection = sqlx::MySqlConnection::connect(&root).await.expect("the server is ready");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
    connection.execute(create).await.expect("a new name");
    connection.close().await.expect("the server is there");
    format!("{root}/{name}")
}

fn start_mariadb(settings: &[&str]) -> Server {
    must_have("mariadbd");
    must_have("mariadb-install-db");
    let dir = folder("mariadb");
    let port = free_port();
    let command = ["sh", "-c", MARIADB, "mariadb", &dir.display().to_string(), &port.to_string()];
    let command: Vec<String> = command.iter().chain(settings).map(|word| (*word).to_owned()).collect();
    let server = Server::start(dir, port, &command);
    let socket = server.dir.join("sock");
    // The socket is in this server's folder, so another process on the port is not mistaken for it. The port is bound
    // before the socket appears.
    server.wait_until("mariadbd", || socket.exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).is_ok());
    server
}

// --- ChromeDriver ---

/// The driver that starts browsers, and a folder for their profiles, which is removed with it.
pub struct Driver {
    pub url: String,
    pub dir: PathBuf,
}

pub async fn chromedriver() -> Driver {
    static SHARED: OnceLock<Server> = OnceLock::new();
    let server = blocking(|| SHARED.get_or_init(start_chromedriver)).await;
    Driver { url: format!("http://127.0.0.1:{}", server.port), dir: server.dir.clone() }
}

fn start_chromedriver() -> Server {
    must_have("chromedriver");
    must_have("chromium");
    let dir = folder("chromium");
    let port = free_port();
    let command = ["chromedriver".to_owned(), format!("--port={port}"), "--log-level=WARNING".to_owned()];
    let server = Server::start(dir, port, &command);
    server.wait_until("chromedriver", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    server
}

// --- nginx ---

/// Starts nginx. `$1`: the folder.
const NGINX: &str = r#"exec nginx -e stderr -p "$1" -c nginx.conf"#;

/// The configuration around the tested part, with all paths in the server's own folder.
const NGINX_CONF: &str = "daemon off; master_process off; pid pid; events {} http { access_log off; \
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; \
    scgi_temp_path scgi; include site.conf; }";

/// An nginx of one test.
pub struct Nginx(Server);

impl Nginx {
    /// Serves this site. `site` gets the port to listen on and returns the configuration.
    pub async fn start(site: impl FnOnce(u16) -> String + Send + 'static) -> Self {
        blocking(move || {
            must_have("nginx");
            let (dir, port) = (folder("nginx"), free_port());
            std::fs::write(dir.join("nginx.conf"), NGINX_CONF).expect("a new folder");
            std::fs::write(dir.join("site.conf"), site(port)).expect("a new folder");
            let command = ["sh", "-c", NGINX, "nginx", &dir.display().to_string()].map(str::to_owned);
            let server = Server::start(dir, port, &command);
            // The pid file is in this server's folder, so another process on the port is not mistaken for it.
            server.wait_until("nginx", || {
                server.dir.join("pid").exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
            });
            Self(server)
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }
}

/// Starting a server blocks, so it runs outside the test's runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("starting a server does not panic, or the test should")
}
