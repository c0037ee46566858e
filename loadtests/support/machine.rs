//! The machine on which a figure was taken, and what a process costs it, read from /proc.

use std::fmt::Write as _;
use std::process::Command;

/// A line that names the machine and the versions, for the record.
pub fn line() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let memory_kb = read("/proc/meminfo").split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok());
    let model = read("/proc/cpuinfo").lines().find(|line| line.starts_with("model name")).map(str::to_owned);
    let model = model.and_then(|line| line.split_once(": ").map(|(_, name)| name.to_owned())).unwrap_or_default();
    let mut line = String::new();
    let _ = write!(
        line,
        "{} cores ({model}), {} GiB, Linux {}, {}, {}",
        cores(),
        memory_kb.unwrap_or(0) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        version("rustc"),
        version("redis-server"),
    );
    line
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Load averages, in which other work on the machine shows.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Processor time a process has used, seconds (the kernel counts in hundredths).
pub fn used_s(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The process's name may contain spaces. After its closing parenthesis, utime and stime are the 12th and 13th
    // fields.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory of a process, bytes.
pub fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}
