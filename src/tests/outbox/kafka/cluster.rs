//! A mock cluster of three brokers, and a consumer that keeps all that is in its topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaApiKey;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use stanchion::config::{KafkaConfig, load_from};
use stanchion::pipeline::Kafka;

pub const PREFIX: &str = "sale";
const NOUNS: [&str; 5] = ["orders", "coupons", "points", "events", "settlements"];
const PARTITIONS: i32 = 4;
const BROKERS: [i32; 3] = [1, 2, 3];

/// A message, as a consumer sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Without the prefix.
    pub topic: String,
    pub partition: i32,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub value: Value,
}

impl Read {
    pub fn id(&self) -> &str {
        &self.headers["ce_id"]
    }

    /// The part of the type between `stanchion.` and the version.
    pub fn kind(&self) -> &str {
        let kind = self.headers["ce_type"].strip_prefix("stanchion.").and_then(|rest| rest.strip_suffix(".v1"));
        kind.expect("our type")
    }

    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.expect("is there").to_vec()).expect("UTF-8");
        let headers = message.headers().expect("headers");
        let topic = message.topic().strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.'));
        let read = Self {
            topic: topic.expect("our prefix").to_owned(),
            partition: message.partition(),
            key: text(message.key()),
            headers: headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect(),
            value: serde_json::from_slice(message.payload().expect("a value")).expect("JSON"),
        };
        assert_eq!(read.headers.len(), headers.count(), "no header twice");
        read
    }
}

pub struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    read: Arc<Mutex<Vec<Read>>>,
    closing: Arc<AtomicBool>,
    reading: Option<std::thread::JoinHandle<()>>,
}

impl Cluster {
    pub fn start() -> Self {
        let mock = MockCluster::new(BROKERS.len() as i32).expect("ports are free");
        let mut all = TopicPartitionList::new();
        for topic in topics() {
            mock.create_topic(&topic, PARTITIONS, BROKERS.len() as i32).expect("a topic");
            for partition in 0..PARTITIONS {
                all.add_partition_offset(&topic, partition, Offset::Beginning).expect("an offset");
            }
        }
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", mock.bootstrap_servers())
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .expect("a consumer");
        consumer.assign(&all).expect("assigned");
        let (read, closing) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (into, until) = (read.clone(), closing.clone());
        // A consumer blocks.
        let reading = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                // It says so while a broker is away, and goes on by itself.
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                    into.lock().push(Read::of(&message));
                }
            }
        });
        Self { mock, read, closing, reading: Some(reading) }
    }

    pub fn brokers(&self) -> Vec<String> {
        self.mock.bootstrap_servers().split(',').map(str::to_owned).collect()
    }

    pub fn config(&self) -> KafkaConfig {
        let mut config = load_from("", std::iter::empty()).expect("the defaults are good").outbox.kafka;
        config.brokers = self.brokers();
        config.prefix = PREFIX.to_owned();
        config.timeout_ms = 400;
        config
    }

    /// What a process sends with.
    pub fn kafka(&self) -> Arc<Kafka> {
        Arc::new(Kafka::open(&self.config()).expect("good settings"))
    }

    pub fn down(&self, brokers: &[i32]) {
        brokers.iter().for_each(|broker| self.mock.broker_down(*broker).expect("it is there"));
    }

    pub fn all_down(&self) {
        self.down(&BROKERS);
    }

    pub fn all_up(&self) {
        BROKERS.iter().for_each(|broker| self.mock.broker_up(*broker).expect("it is there"));
    }

    /// Answers come after this time. What was asked is done at once.
    pub fn answer_after(&self, delay: Duration) {
        BROKERS.iter().for_each(|broker| self.mock.broker_round_trip_time(*broker, delay).expect("it is there"));
    }

    /// The next requests to write fail like this.
    pub fn fail(&self, errors: &[rdkafka::types::RDKafkaRespErr]) {
        self.mock.request_errors(RDKafkaApiKey::Produce, errors);
    }

    pub fn fail_no_more(&self) {
        self.mock.clear_request_errors(RDKafkaApiKey::Produce);
    }

    /// This broker leads all partitions.
    pub fn lead(&self, broker: i32) {
        for topic in topics() {
            for partition in 0..PARTITIONS {
                self.mock.partition_leader(&topic, partition, Some(broker)).expect("they are there");
            }
        }
    }

    /// All that was read, repeats included; each partition in its order.
    pub fn read_all(&self) -> Vec<Read> {
        self.read.lock().clone()
    }

    /// As [`Cluster::read_all`], without what is told of rooms: that comes in its own time.
    pub fn read(&self) -> Vec<Read> {
        self.read_all().into_iter().filter(|read| !read.kind().starts_with("room.")).collect()
    }

    /// The first message of each notice, by key and topic, in its partition's order.
    pub fn first_arrivals(&self) -> BTreeMap<String, Vec<Read>> {
        let (mut known, mut by) = (BTreeSet::new(), BTreeMap::<String, Vec<Read>>::new());
        for read in self.read() {
            if known.insert(read.id().to_owned()) {
                by.entry(read.key.clone()).or_default().push(read);
            }
        }
        by
    }

    pub fn kinds(&self, key: &str) -> Vec<String> {
        self.first_arrivals().get(key).map_or(Vec::new(), |all| all.iter().map(|one| one.kind().to_owned()).collect())
    }

    /// How many messages are repeats. A repeat says the same as the first, and a key is in one partition of its topic.
    pub fn repeats(&self) -> usize {
        let (mut first, mut partition) = (BTreeMap::<String, Read>::new(), BTreeMap::new());
        let mut repeats = 0;
        for read in self.read() {
            let place = (read.topic.clone(), read.key.clone());
            assert_eq!(*partition.entry(place).or_insert(read.partition), read.partition, "{read:?}");
            match first.get(read.id()) {
                None => drop(first.insert(read.id().to_owned(), read)),
                Some(before) => {
                    assert_eq!(before, &read);
                    repeats += 1;
                }
            }
        }
        repeats
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        // A reader that panicked has said so, and what was read is missing then.
        let _ = self.reading.take().map(std::thread::JoinHandle::join);
    }
}

fn topics() -> impl Iterator<Item = String> {
    NOUNS.iter().map(|noun| format!("{PREFIX}.{noun}.v1"))
}
