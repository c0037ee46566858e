//! What Kafka is told, by librdkafka's own mock of a cluster.

mod apart;
mod cluster;
mod faults;
mod order;
mod shop;
