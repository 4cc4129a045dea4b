//! What another process costs, as Linux tells it.

use std::fs::read_to_string;
use std::time::Duration;

/// The processor time that a process has used so far, by `/proc/<pid>/stat` in its hundredths of a second.
pub(crate) fn cpu(process: u32) -> Duration {
    let stat = read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// The memory of a process that is in RAM, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let status = read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words.and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}
